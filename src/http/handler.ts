// The shape of a handler: typed from the operation's row in the contract, given a unit of work
// bound to the caller's organisation.

import type { ReadContext, RequestContext } from '../app/context.ts';
import type { Answer, Body, OperationName, operations, Params, Query } from '../contract/table.ts';

export interface Input<Name extends OperationName> {
  params: Params<Name>;
  query: Query<Name>;
  body: Body<Name>;
  /** The bytes of the request, for an operation that takes some. */
  content: Buffer;
}

/** A file as the answer, for an operation that gives bytes. */
export interface FileAnswer {
  path: string;
  name: string;
}

type AnswerOf<Name extends OperationName> = (typeof operations)[Name] extends {
  content: 'response';
}
  ? FileAnswer
  : Answer<Name>;

export type Handler<Name extends OperationName> = (
  context: (typeof operations)[Name] extends { method: 'GET' } ? ReadContext : RequestContext,
  input: Input<Name>,
) => Promise<AnswerOf<Name>>;

/**
 * What an operation does before its transaction, because it takes long: move bytes. It may be done
 * for a request that is then refused. Requests with the same `thing` are served one after the
 * other.
 */
export interface Stage<Name extends OperationName> {
  thing(input: Input<Name>): string;
  run(context: ReadContext, input: Input<Name>): Promise<void>;
}

export type Stages = { [Name in OperationName]?: Stage<Name> };

export type Handlers<Names extends OperationName = OperationName> = {
  [Name in Names]: Handler<Name>;
};

export const pageDefaults = { page: 1, perPage: 20 };

/** Page number, or null on the last page and beyond it. */
export const nextPage = (page: number, perPage: number, count: number): number | null =>
  page * perPage < count ? page + 1 : null;

export const dateTime = (ms: number): string => new Date(ms).toISOString();

export const dateOrNull = (ms: number | null) => (ms === null ? null : dateTime(ms));
