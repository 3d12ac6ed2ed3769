// Clients in use spell some values otherwise than the contract's schemas say. Here they are brought
// into the form of the schemas, which are checked afterwards; what is none of these spellings stays
// as it is, and is refused there.

import type { OperationSpec } from '../contract/operation.ts';

interface Schema {
  type?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
}

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value with each field that the schema declares changed; others stay. */
function mapDeclared(
  { properties = {} }: Schema,
  value: unknown,
  change: (field: unknown, schema: Schema) => unknown,
) {
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => {
      const schema = Object.hasOwn(properties, name) ? properties[name] : undefined;
      return [name, schema ? change(field, schema) : field];
    }),
  );
}

/** Where a field is optional, null means that it is absent. */
function withoutNulls(schema: Schema, value: unknown): unknown {
  const { properties = {}, required = [] } = schema;
  const isAbsent = (name: string, field: unknown) =>
    field === null && Object.hasOwn(properties, name) && !required.includes(name);
  const given = isObject(value)
    ? Object.fromEntries(Object.entries(value).filter(([name, field]) => !isAbsent(name, field)))
    : value;
  return mapDeclared(schema, given, (field, inner) => withoutNulls(inner, field));
}

const spellings: Record<string, string> = { 1: 'true', 0: 'false' };

/** In a query, yes and no come in any case, and as 1 and 0. */
export const lenientQuery = ({ query: schema }: OperationSpec, query: unknown): unknown =>
  mapDeclared(schema ?? {}, query, (field, { type }) => {
    if (type !== 'boolean' || typeof field !== 'string') return field;
    return spellings[field] ?? field.toLowerCase();
  });

/**
 * In a body, null comes for what is left out, and for some operations whole numbers come as text.
 */
export function lenientBody(
  { body: schema, numbersAsText }: OperationSpec,
  body: unknown,
): unknown {
  const given = withoutNulls(schema ?? {}, body);
  if (!numbersAsText) return given;
  return mapDeclared(schema ?? {}, given, (field, { type }) =>
    type === 'integer' && typeof field === 'string' && /^\d{1,15}$/.test(field)
      ? Number(field)
      : field,
  );
}
