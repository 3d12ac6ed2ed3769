// Prints the contract's table as an OpenAPI 3.1 document. Schemas with a title are named once and referred to.

import { wireErrors } from './error.ts';
import type { OperationSpec } from './operation.ts';
import { operations, refusalsOf } from './operations.ts';
import { ErrorResponse, enveloped, pathPrefix } from './schema.ts';

type Json = Record<string, unknown>;

const binary = { type: 'string', format: 'binary' };

export function openApiDocument(): Json {
  const schemas: Record<string, unknown> = {};
  const named = (schema: unknown): unknown => {
    if (Array.isArray(schema)) return schema.map(named);
    if (schema === null || typeof schema !== 'object') return schema;
    const { title, ...rest } = schema as Json;
    const plain = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, named(value)]));
    if (typeof title !== 'string') return plain;
    schemas[title] = plain;
    return { $ref: `#/components/schemas/${title}` };
  };

  const paths: Record<string, Json> = {};
  for (const [operationId, operation] of Object.entries(operations) as [string, OperationSpec][]) {
    const path = pathPrefix + operation.path;
    paths[path] ??= {};
    paths[path][operation.method.toLowerCase()] = {
      operationId,
      tags: [operation.tag],
      summary: operation.summary,
      'x-permission': operation.permission,
      ...(operation.extension && { 'x-extension': true }),
      security: [{ hmac: [] }],
      parameters: [...parameters('path', operation.params, named), ...parameters('query', operation.query, named)],
      ...(operation.content === 'request' && {
        requestBody: { required: true, content: { 'application/octet-stream': { schema: binary } } },
      }),
      ...(operation.body && {
        requestBody: {
          required: ((operation.body as unknown as { required?: string[] }).required ?? []).length > 0,
          content: { 'application/json': { schema: named(operation.body) } },
        },
      }),
      responses: {
        200: {
          description: 'Success',
          content:
            operation.content === 'response'
              ? { 'application/octet-stream': { schema: binary } }
              : { 'application/json': { schema: named(enveloped(operation.response)) } },
        },
        ...errorResponses(operation, named),
      },
    };
  }
  return {
    openapi: '3.1.0',
    // Relative, so that the document is right wherever it is served.
    servers: [{ url: '/' }],
    info: {
      title: 'Silversmith',
      version: '1.0.6',
      description: 'Compatible with the Images API of the Vagon Computers API 1.0.6; not affiliated with its maker.',
    },
    paths,
    components: {
      securitySchemes: {
        hmac: {
          type: 'apiKey',
          in: 'header',
          name: 'Authorization',
          description:
            'HMAC {key}:{signature}:{nonce}:{timestamp}; the signed text is {key}{METHOD}{path}{timestamp}{nonce}{body}',
        },
      },
      schemas,
    },
  };
}

function parameters(
  place: 'path' | 'query',
  schema: OperationSpec['params'],
  named: (schema: unknown) => unknown,
): Json[] {
  const required = (schema as unknown as { required?: string[] } | undefined)?.required ?? [];
  return Object.entries(schema?.properties ?? {}).map(([name, field]) => ({
    name,
    in: place,
    required: required.includes(name),
    schema: named(field),
  }));
}

function errorResponses(operation: OperationSpec, named: (schema: unknown) => unknown): Json {
  const byStatus: Record<string, Json> = {};
  for (const name of refusalsOf(operation)) {
    const { status, clientCode, meaning } = wireErrors[name];
    const line = `${clientCode}: ${meaning}`;
    const before = byStatus[status]?.description;
    byStatus[status] = {
      description: before === undefined ? line : `${before as string}; ${line}`,
      content: { 'application/json': { schema: named(ErrorResponse) } },
    };
  }
  return byStatus;
}
