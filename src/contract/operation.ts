// The form of a row of the contract's table, and the parts that rows share.

import { type TObject, type TProperties, Type } from 'typebox';
import { Id } from './envelope.ts';
import type { WireErrorName } from './errors.ts';

export interface OperationSpec {
  method: 'GET' | 'POST' | 'DELETE';
  /** Under the prefix, with `{name}` for parameters. */
  path: string;
  tag: string;
  summary: string;
  /** The permission that a key needs; of several, one is enough. */
  permission: string | readonly string[];
  /** The name in the audit trail of an operation that changes something; rows may share one. */
  action?: string;
  params?: TObject;
  query?: TObject;
  /**
   * Without it, the only body that is taken is an empty object. A body may be left out when none of
   * its fields is required.
   */
  body?: TObject;
  /** Whole numbers in the body may also be text, because clients in use send them so. */
  numbersAsText?: true;
  /**
   * Whether the body of the request, or the answer, is bytes instead of JSON. `stream`: the answer
   * is a stream of server-sent events, which are the `FleetEvent` of contract/event.ts.
   */
  content?: 'request' | 'response' | 'stream';
  /** The media type of an answer of bytes, where it is known. */
  mediaType?: string;
  /** With `follow` in the query the answer is such a stream too. */
  mayFollow?: true;
  /** The answer's own fields, to which the envelope is added. */
  response: TProperties;
  /** The name of the answer's schema in the specification. */
  answerName?: string;
  /** Its refusals, beside those that every operation has. */
  errors: readonly WireErrorName[];
  /** Whether it is our own addition to the API that this project is compatible with. */
  extension?: true;
}

/** A change that is sent again with the same value of this header is done once. */
export const idempotencyHeader = { name: 'Idempotency-Key', charactersMax: 128 } as const;

/** With this header a stream goes on after the event that it names. */
export const lastEventIdHeader = { name: 'Last-Event-ID', pattern: '^\\d{1,15}$' } as const;

/** Whether an answer may be a stream of server-sent events. */
export const canStream = ({ content, mayFollow }: OperationSpec): boolean =>
  content === 'stream' || mayFollow === true;

export const permissionsOf = ({ permission }: OperationSpec): readonly string[] =>
  [permission].flat();

export const define = <const Spec extends OperationSpec>(spec: Spec): Spec => spec;

/** The id in a path such as `/images/{id}`. */
export const idParams = <Of extends number>() => Type.Object({ id: Id<Of>('ID') });
/** The answer of an operation that has no fields beside the envelope. */
export const nothing = {};
