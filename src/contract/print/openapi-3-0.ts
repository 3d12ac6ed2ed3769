// The OpenAPI document in 3.0, for generators that know no 3.1. The two differ in how they say that
// something may be null.

import { openApiDocument } from './openapi.ts';

type Json = Record<string, unknown>;

const isNull = (schema: unknown) => (schema as Json).type === 'null';

function older(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(older);
  if (schema === null || typeof schema !== 'object') return schema;
  const { type, anyOf, ...rest } = schema as Json;
  const others = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [key, older(value)]),
  );
  // 3.0 has no type of null alone: it is an object that is never there.
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
  ...(older(document) as Json),
  openapi: '3.0.3',
});
