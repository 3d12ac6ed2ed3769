// Prints the contract's table as an OpenAPI 3.1 document. A client that was generated from the
// specification's document is to compile against one that is generated from ours: paths without
// their prefix, the specification's names of schemas, bodies without a name, and no operationId,
// since a generator then names things by method and path, as it does for the specification.

import { type TProperties, Type } from 'typebox';
import { BaseResponse, ErrorResponse, pathPrefix } from '../envelope.ts';
import { wireErrors } from '../errors.ts';
import {
  extensionsHeader,
  hasExtensions,
  isExtension,
  withOptionalExtensions,
} from '../extension.ts';
import { idempotencyHeader, type OperationSpec } from '../operation.ts';
import { operations, refusalsOf } from '../table.ts';

type Json = Record<string, unknown>;

const binary = { type: 'string', format: 'binary' };
const refTo = (kind: 'schemas' | 'parameters', name: string) => ({
  $ref: `#/components/${kind}/${name}`,
});
const json = (schema: unknown) => ({ 'application/json': { schema } });
const bytes = { 'application/octet-stream': { schema: binary } };
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;
const requiredOf = (schema: unknown): string[] =>
  (schema as { required?: string[] } | undefined)?.required ?? [];

export function openApiDocument(): Json {
  const schemas = new Schemas();
  const base = schemas.use(BaseResponse);
  const error = schemas.use(ErrorResponse);
  for (const { clientCode, meaning } of Object.values(wireErrors))
    schemas.define(errorName(clientCode), { description: meaning, allOf: [error] });

  const paths: Record<string, Json> = {};
  for (const [name, operation] of Object.entries<OperationSpec>(operations)) {
    paths[operation.path] ??= {};
    const path = paths[operation.path] as Json;
    path[operation.method.toLowerCase()] = {
      'x-operation': name,
      tags: [operation.tag],
      summary: operation.summary,
      'x-permission': operation.permission,
      ...(operation.extension && { 'x-extension': true }),
      security: [{ hmac: [] }],
      parameters: parametersOf(operation, schemas),
      ...requestBodyOf(operation, schemas),
      responses: {
        200: { description: 'Success', content: answerOf(name, operation, schemas, base) },
        ...errorResponses(operation),
      },
    };
  }
  return {
    openapi: '3.1.0',
    // Relative, so that the document is right wherever it is served.
    servers: [{ url: pathPrefix }],
    info: {
      title: 'Silversmith',
      version: '1.0.6',
      description:
        'Compatible with the Images API of the Vagon Computers API 1.0.6; not affiliated with its maker.',
    },
    paths,
    components: {
      securitySchemes: {
        hmac: {
          type: 'apiKey',
          in: 'header',
          name: 'Authorization',
          description:
            'HMAC {key}:{signature}:{nonce}:{timestamp}; the signed text is {key}{METHOD}{path}{timestamp}{nonce}{body}, and its path has the prefix. The nonce has 1 to 128 visible ASCII characters without a colon (36, such as a UUID, where the body is bytes), the timestamp 13 digits (ms). A signature is good once.',
        },
      },
      parameters: headerParameters,
      schemas: schemas.all,
    },
  };
}

/** Schemas with a title are written once, under it, and referred to. */
class Schemas {
  readonly all: Json = {};
  readonly #titles = new Map<unknown, string>();

  define(name: string, schema: Json): void {
    this.all[name] ??= schema;
  }

  use(schema: unknown): unknown {
    if (Array.isArray(schema)) return schema.map((one) => this.use(one));
    if (!isObject(schema)) return schema;
    const { title, ...rest } = isObject(schema.properties)
      ? withOptionalExtensions(schema)
      : schema;
    const plain = Object.fromEntries(
      Object.entries(rest).map(([key, value]) => [key, this.use(value)]),
    );
    if (typeof title !== 'string') return plain;
    this.#titles.set(schema.properties, title);
    this.define(title, plain);
    return refTo('schemas', title);
  }

  /** An object with these fields: a schema with a title, when one has them. */
  object(properties: TProperties): unknown {
    const title = this.#titles.get(properties);
    return title === undefined ? this.use(Type.Object(properties)) : refTo('schemas', title);
  }
}

const errorName = (clientCode: number) => `Error${clientCode}Response`;

/** The specification's name of an answer where it has one, else one made of the operation's. */
function answerOf(
  name: string,
  { content, response, answerName }: OperationSpec,
  schemas: Schemas,
  base: unknown,
) {
  if (content === 'response') return bytes;
  const empty = Object.keys(response).length === 0;
  const own = `${name.charAt(0).toUpperCase()}${name.slice(1)}Response`;
  const title = answerName ?? (empty ? 'SuccessResponse' : own);
  schemas.define(title, { allOf: empty ? [base] : [base, schemas.object(response)] });
  return json(refTo('schemas', title));
}

function requestBodyOf({ body, content }: OperationSpec, schemas: Schemas): Json {
  if (content === 'request') return { requestBody: { required: true, content: bytes } };
  if (!body) return {};
  const { title: _, ...nameless } = body as unknown as Json;
  return {
    requestBody: { required: requiredOf(body).length > 0, content: json(schemas.use(nameless)) },
  };
}

const headerParameters = {
  IdempotencyKey: {
    name: idempotencyHeader.name,
    in: 'header',
    required: false,
    description:
      'Sent again with the same request, it gets the answer of the first one and changes nothing',
    'x-extension': true,
    schema: { type: 'string', minLength: 1, maxLength: idempotencyHeader.charactersMax },
  },
  SilversmithExtensions: {
    name: extensionsHeader.name,
    in: 'header',
    required: false,
    description: 'Asks for fields of answers that are marked x-extension',
    'x-extension': true,
    schema: { type: 'string', enum: [extensionsHeader.value] },
  },
};

function parametersOf(operation: OperationSpec, schemas: Schemas): Json[] {
  const { params, query, method, response } = operation;
  return [
    ...parameters('path', params, schemas),
    ...parameters('query', query, schemas),
    ...(method === 'GET' ? [] : [refTo('parameters', 'IdempotencyKey')]),
    ...(hasExtensions(response) ? [refTo('parameters', 'SilversmithExtensions')] : []),
  ];
}

function parameters(
  place: 'path' | 'query',
  schema: OperationSpec['params'],
  schemas: Schemas,
): Json[] {
  const required = requiredOf(schema);
  return Object.entries(schema?.properties ?? {}).map(([name, field]) => {
    const { description, 'x-extension': _, ...rest } = field as unknown as Json;
    const about = {
      ...(isExtension(field) && { 'x-extension': true }),
      ...(description !== undefined && { description }),
    };
    return {
      name,
      in: place,
      required: required.includes(name),
      ...about,
      schema: schemas.use(rest),
    };
  });
}

function errorResponses(operation: OperationSpec): Json {
  const byStatus: Record<string, Json> = {};
  for (const name of refusalsOf(operation)) {
    const { status, clientCode, meaning } = wireErrors[name];
    const line = `${clientCode}: ${meaning}`;
    const before = byStatus[status];
    byStatus[status] = before
      ? { ...before, description: `${before.description as string}; ${line}` }
      : { description: line, content: json(refTo('schemas', errorName(clientCode))) };
  }
  return byStatus;
}
