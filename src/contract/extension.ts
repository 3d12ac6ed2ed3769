// Our own fields in answers of the API that this project is compatible with. They are sent only to
// callers that ask for them, because a client that was generated from the specification may refuse
// an answer with a field that it does not know.

import type { TSchema } from 'typebox';

/** The header, with its value, by which a caller asks for our own fields. */
export const extensionsHeader = { name: 'Silversmith-Extensions', value: '1' } as const;

const mark = 'x-extension';

/** Marks a field as our own. */
export const Extension = <Schema extends TSchema>(schema: Schema): Schema =>
  Object.assign(schema, { [mark]: true });

export type Json = Record<string, unknown>;

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null;

export const isExtension = (schema: unknown): boolean => isObject(schema) && schema[mark] === true;

/** Whether a field at any depth of a schema is our own. */
export const hasExtensions = (schema: unknown): boolean =>
  isExtension(schema) || (isObject(schema) && Object.values(schema).some(hasExtensions));

/** The names of the fields that an object's schema requires. */
export const requiredOf = (schema: unknown): readonly unknown[] =>
  isObject(schema) && Array.isArray(schema.required) ? schema.required : [];

/** Returns an object's schema that does not require our own fields, since they may not be sent. */
export function withOptionalExtensions({ required, ...schema }: Json): Json {
  const properties = isObject(schema.properties) ? schema.properties : {};
  const always = requiredOf({ required }).filter((name) => !isExtension(properties[String(name)]));
  return { ...schema, ...(always.length > 0 && { required: always }) };
}

/** Returns an answer's schema for a caller that does not ask for our own fields. */
export function withoutExtensions(schema: object): Json {
  const all: Json = { ...schema };
  const left = isObject(all.properties) ? withOptionalExtensions(all) : all;
  return Object.fromEntries(
    Object.entries(left)
      .filter(([, field]) => !isExtension(field))
      .map(([key, field]) => [key, leftOf(field)]),
  );
}

function leftOf(field: unknown): unknown {
  if (Array.isArray(field)) return field.map(leftOf);
  return isObject(field) ? withoutExtensions(field) : field;
}
