// Clients in use spell some values in another way than the contract's schemas say. These functions
// bring such values into the form of the schemas before the schemas are checked. Any other value
// stays as it is, for the schemas to judge.

import type { OperationSpec } from '../contract/operation.ts';
import { isObject } from '../lib/objects.ts';

interface Schema {
  type?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
}

/** Returns the value with each field changed that the schema declares; other fields stay. */
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

/** Removes each optional field that is null, at any depth: null means that it is absent. */
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

/** Accepts a boolean in a query in any case, and as 1 and 0; `?follow` alone is true. */
export const lenientQuery = (
  { query: schema, mayFollow }: OperationSpec,
  query: unknown,
): unknown =>
  mapDeclared(schema ?? {}, query, (field, { type }) => {
    if (type !== 'boolean' || typeof field !== 'string') return field;
    if (field === '' && mayFollow) return 'true';
    return spellings[field] ?? field.toLowerCase();
  });

/** Accepts null for a field that is left out, and for some operations whole numbers as text. */
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
