// Fields of ours in answers of the API that this project is compatible with. They are sent only to
// callers that ask for them: a client that was generated from the specification may refuse an
// answer with a field that it does not know.

import type { TSchema } from 'typebox';

/** The header by which a caller asks for our fields, and its value. */
export const extensionsHeader = { name: 'Silversmith-Extensions', value: '1' } as const;

const mark = 'x-extension';

/** Marks a field of ours. */
export const Extension = <Schema extends TSchema>(schema: Schema): Schema =>
  Object.assign(schema, { [mark]: true });

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;

export const isExtension = (schema: unknown): boolean => isObject(schema) && schema[mark] === true;

/** Whether a field at any depth of a schema is ours. */
export const hasExtensions = (schema: unknown): boolean =>
  isExtension(schema) || (isObject(schema) && Object.values(schema).some(hasExtensions));

/** An object's schema in which our fields may be missing: nobody gets them without asking. */
export function withOptionalExtensions({ required, ...schema }: Json): Json {
  const properties = schema.properties as Json;
  const always = ((required ?? []) as string[]).filter((name) => !isExtension(properties[name]));
  return { ...schema, ...(always.length > 0 && { required: always }) };
}

/** The schema of an answer to a caller that does not ask for our fields. */
export function withoutExtensions(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutExtensions);
  if (!isObject(schema)) return schema;
  const left = isObject(schema.properties) ? withOptionalExtensions(schema) : schema;
  return Object.fromEntries(
    Object.entries(left)
      .filter(([, field]) => !isExtension(field))
      .map(([key, field]) => [key, withoutExtensions(field)]),
  );
}
