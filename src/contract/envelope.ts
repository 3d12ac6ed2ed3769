// The pieces of all schemas of the contract: the envelope, ids, texts, pages, and fields that may
// be null.

import { type Static, type TObject, type TProperties, type TSchema, Type } from 'typebox';
import { Extension } from './extension.ts';

export const pathPrefix = '/organization-management/v1';

/**
 * A positive id that JSON and SQL both hold exactly. `Of` is the branded type that a handler gets.
 */
export const Id = <Of extends number>(description: string) =>
  Type.Unsafe<Of>({ type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description });

/** A name or another short text in a request. `plain-text` is our own format. */
export const Text = (maxLength: number, description: string) =>
  Type.String({
    minLength: 1,
    maxLength,
    format: 'plain-text',
    description: `${description}. No control or invisible characters but the joiners of emoji and scripts, no space at an end`,
  });

export const DateTime = (description: string) => Type.String({ format: 'date-time', description });

export const NullableString = (description: string) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], description });
export const NullableInteger = (description: string) =>
  Type.Unsafe<number | null>({ type: ['integer', 'null'], description });
export const NullableDateTime = (description: string) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'date-time', description });
export const Enum = <const Values extends readonly string[]>(values: Values, description: string) =>
  Type.Unsafe<Values[number]>({ type: 'string', enum: [...values], description });

const envelope = {
  client_code: Type.Integer({ description: '200 for success' }),
  message: Type.String({ description: '"OK" for success' }),
  timestamp: DateTime('When the answer was made; whole seconds, UTC'),
};

/** The schema of an answer as it is sent: its own fields, then the envelope. */
export const enveloped = <Fields extends TProperties>(fields: Fields) =>
  Type.Object({ ...fields, ...envelope });

export const BaseResponse = Type.Object(envelope, { title: 'BaseResponse' });
export const ErrorResponse = Type.Object(envelope, { title: 'ErrorResponse' });

export const resource = <Name extends string, Attributes extends TSchema>(
  type: Name,
  title: string,
  attributes: Attributes,
): TObject<{
  id: ReturnType<typeof Type.String>;
  type: ReturnType<typeof typeName<Name>>;
  attributes: Attributes;
}> => Type.Object({ id: Type.String(), type: typeName(type), attributes }, { title });

const typeName = <Name extends string>(name: Name) =>
  Type.Unsafe<Name>({ type: 'string', enum: [name] });

export const pageFields = {
  count: Type.Integer({ description: 'Number of all matches, not only of this page' }),
  page: Type.Integer({ description: 'Current page number' }),
  next_page: NullableInteger('Next page number; null on the last page and beyond it'),
};

/** Of a list whose pages do not move when something in it is deleted. */
export const cursorFields = {
  next_before: Extension(
    NullableInteger('What `before` must be for the items that follow; null at the end'),
  ),
};

export const pageQuery = {
  page: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1_000_000_000, description: 'Page number. Default: 1' }),
  ),
  per_page: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 100, description: 'Records per page. Default: 20' }),
  ),
  before: Extension(
    Type.Optional(
      Id('Instead of a page: the first items with lower ids, whatever is deleted meanwhile'),
    ),
  ),
  q: Type.Optional(
    Type.String({
      maxLength: 200,
      description: 'Search; matches anywhere, in any case, and takes % and _ literally',
    }),
  ),
};

export type { Static };
