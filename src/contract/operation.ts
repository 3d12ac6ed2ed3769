// What a row of the contract's table says of one operation, and what rows share.

import { type TObject, type TProperties, Type } from 'typebox';
import { Id } from './envelope.ts';
import type { WireErrorName } from './errors.ts';

export interface OperationSpec {
  method: 'GET' | 'POST' | 'DELETE';
  /** Under the prefix, with `{name}` for parameters. */
  path: string;
  tag: string;
  summary: string;
  permission: string;
  /**
   * Its name in the audit trail, for an operation that changes something; several may share one.
   */
  action?: string;
  params?: TObject;
  query?: TObject;
  /**
   * Absent: none is taken but an empty object. A body may always be left out when no field of it is
   * required.
   */
  body?: TObject;
  /** Whole numbers in the body are taken as text too, since clients in use send them so. */
  numbersAsText?: true;
  /** Bytes instead of JSON: as the body of the request, or as the answer. */
  content?: 'request' | 'response';
  /** The answer's own fields; the envelope comes on top. */
  response: TProperties;
  /** The specification's name of the answer's schema. */
  answerName?: string;
  /** What it can refuse with, besides what every operation can. */
  errors: readonly WireErrorName[];
  /** Not part of the API that this project is compatible with. */
  extension?: true;
}

/** The header under which a change that is sent again is done once. */
export const idempotencyHeader = { name: 'Idempotency-Key', charactersMax: 128 } as const;

export const define = <const Spec extends OperationSpec>(spec: Spec): Spec => spec;

/** The id in a path such as `/images/{id}`. */
export const idParams = <Of extends number>() => Type.Object({ id: Id<Of>('ID') });
/** The envelope alone. */
export const nothing = {};
