// Prints the OpenAPI document in version 3.0, for generators that do not know 3.1. The two versions
// differ in how a schema says that a value may be null.

import { isObject, type Json } from '../extension.ts';
import { openApiDocument } from './openapi.ts';

const isNull = (schema: unknown) => isObject(schema) && schema.type === 'null';

function older(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(older);
  return isObject(value) ? olderObject(value) : value;
}

function olderObject({ type, anyOf, ...rest }: Json): Json {
  const others = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [key, older(value)]),
  );
  // Version 3.0 has no type of null alone, so it becomes an object that is never there.
  if (type === 'null') return { type: 'object', nullable: true, ...others };
  if (Array.isArray(type))
    return { type: type.find((one) => one !== 'null'), nullable: true, ...others };
  if (Array.isArray(anyOf) && anyOf.some(isNull))
    return { allOf: anyOf.filter((one) => !isNull(one)).map(older), nullable: true, ...others };
  return {
    ...(type !== undefined && { type: older(type) }),
    ...(anyOf !== undefined && { anyOf: older(anyOf) }),
    ...others,
  };
}

export const olderOpenApiDocument = (document: Json = openApiDocument()): Json => ({
  ...olderObject(document),
  openapi: '3.0.3',
});
