// The shape of a handler: typed from the operation's row in the contract, and given the context of
// the caller's request. Beside it, the functions that several handlers share: pages and times.

import type { ChangeContext, ReadContext } from '../app/context.ts';
import type {
  Answer,
  AnswerName,
  Body,
  ChangeName,
  FileName,
  OperationName,
  Params,
  Query,
} from '../contract/table.ts';
import { invalid } from '../domain/error.ts';
import type { Content } from '../lib/content.ts';

export interface Input<Name extends OperationName> {
  params: Params<Name>;
  query: Query<Name>;
  body: Body<Name>;
  /** The bytes of the request, for an operation that takes some. */
  content: Buffer;
}

/**
 * Bytes as the answer, for an operation that gives some; `name` is the file that a caller saves.
 * Content that takes long to make is a function, which is called when the store is not read any
 * more.
 */
export class FileAnswer {
  readonly content: Content | (() => Promise<Content>);
  readonly name: string;
  readonly mediaType: string;
  constructor(
    content: FileAnswer['content'],
    name: string,
    mediaType = 'application/octet-stream',
  ) {
    this.content = content;
    this.name = name;
    this.mediaType = mediaType;
  }
}

type AnswerOf<Name extends OperationName> = Name extends FileName ? FileAnswer : Answer<Name>;

type ReadHandler<Name extends AnswerName> = (
  context: ReadContext,
  input: Input<Name>,
) => Promise<AnswerOf<Name>>;

type ChangeHandler<Name extends ChangeName> = (
  context: ChangeContext,
  input: Input<Name>,
) => Promise<Answer<Name>>;

export type ReadHandlers = { [Name in AnswerName]: ReadHandler<Name> };
export type ChangeHandlers = { [Name in ChangeName]: ChangeHandler<Name> };

/** The handlers of some operations, such as those of one noun. */
export type Handlers<Names extends OperationName> = Pick<ReadHandlers, Names & AnswerName> &
  Pick<ChangeHandlers, Names & ChangeName>;

/**
 * The part of a change that comes before its transaction because it takes long: it moves bytes. It
 * may run for a request that is refused later. Requests with the same `turn` are served one after
 * the other.
 */
interface Stage<Name extends ChangeName> {
  turn(input: Input<Name>): string;
  run(context: ReadContext, input: Input<Name>): Promise<void>;
}

export type Stages = { [Name in ChangeName]?: Stage<Name> };

/** The part of a list that a query asks for: a page, counted from 1, or the items after one. */
export function pageOf({
  page = 1,
  per_page: perPage = 20,
  before,
}: {
  page?: number;
  per_page?: number;
  before?: number;
}) {
  if (before !== undefined && page !== 1)
    throw invalid(`page is ${page}, and before takes its place; give one of them.`);
  return { page, perPage, before };
}

/**
 * The fields of an answer about its page; `next_page` is null on the last page and beyond it.
 * `more` says whether others follow the items, which are newest first.
 */
export const pageAnswer = (
  { page }: { page: number },
  { count, more }: { count: number; more: boolean },
  items: readonly { attributes: { id: number } }[],
) => ({
  count,
  page,
  next_page: more ? page + 1 : null,
  next_before: more ? (items.at(-1)?.attributes.id ?? null) : null,
});

export const dateTime = (ms: number): string => new Date(ms).toISOString();

export const dateOrNull = (ms: number | null) => (ms === null ? null : dateTime(ms));

/** The time in a field of a request; null when it is left out. Throws `invalid`. */
export function timeIn(field: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const time = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time))
    throw invalid(`${field} is ${JSON.stringify(text)}; give a time such as 2026-02-04T12:00:00Z.`);
  return time;
}

/** Returns the value that an earlier step has stored in the request. */
export function given<Value>(value: Value | null): Value {
  if (value === null) throw new TypeError('a step of the request was left out');
  return value;
}
