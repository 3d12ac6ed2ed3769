// Prints the contract's table as an OpenAPI 3.1 document. A program that was written against a
// client of the specification's document must compile against a client of this one. So paths are
// without their prefix, schemas have the specification's names, bodies have no name, and there is
// no operationId: a generator then names things by method and path, as it does for the
// specification.

import { type TProperties, Type } from 'typebox';
import { BaseResponse, ErrorResponse, pathPrefix } from '../envelope.ts';
import { wireErrors } from '../errors.ts';
import { EventData } from '../event.ts';
import {
  extensionsHeader,
  hasExtensions,
  isExtension,
  isObject,
  type Json,
  requiredOf,
  withOptionalExtensions,
} from '../extension.ts';
import {
  canStream,
  idempotencyHeader,
  lastEventIdHeader,
  type OperationSpec,
  permissionsOf,
} from '../operation.ts';
import { refusalsOf } from '../table.ts';
import { documented } from './documented.ts';

const binary = { type: 'string', format: 'binary' };
const refTo = (kind: 'schemas' | 'parameters', name: string) => ({
  $ref: `#/components/${kind}/${name}`,
});
const json = (schema: unknown) => ({ 'application/json': { schema } });
const plain = (schema: object): Json => ({ ...schema });
const bytes = { 'application/octet-stream': { schema: binary } };

export function openApiDocument(): Json {
  const schemas = new Schemas();
  const base = schemas.use(BaseResponse);
  const error = schemas.use(ErrorResponse);
  for (const { clientCode, meaning } of Object.values(wireErrors))
    schemas.define(errorName(clientCode), { description: meaning, allOf: [error] });

  const paths: Record<string, Json> = {};
  for (const { name, operation, isOperators } of documented) {
    const methods = paths[operation.path] ?? {};
    paths[operation.path] = methods;
    methods[operation.method.toLowerCase()] = {
      'x-operation': name,
      tags: [operation.tag],
      summary: operation.summary,
      'x-permission': permissionsOf(operation).join(' or '),
      ...(operation.extension && { 'x-extension': true }),
      ...(isOperators && { 'x-operator': true }),
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
    // The address is relative, so that the document is right wherever it is served.
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

/** Writes each schema that has a title once, under its title, and refers to it elsewhere. */
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

  /** Returns the schema of an object with these fields; the one with a title, when there is one. */
  object(properties: TProperties): unknown {
    const title = this.#titles.get(properties);
    return title === undefined ? this.use(Type.Object(properties)) : refTo('schemas', title);
  }
}

const errorName = (clientCode: number) => `Error${clientCode}Response`;

/**
 * Names the schema of an answer as the specification does; where that has no name, after the
 * operation.
 */
function answerOf(
  name: string,
  { content, mediaType, mayFollow, response, answerName }: OperationSpec,
  schemas: Schemas,
  base: unknown,
) {
  if (content === 'response')
    return mediaType === undefined ? bytes : { [mediaType]: { schema: binary } };
  const stream = () => ({ 'text/event-stream': { schema: schemas.use(EventData) } });
  if (content === 'stream') return stream();
  const empty = Object.keys(response).length === 0;
  const own = `${name.replaceAll(/(?:^|\.)(\w)/g, (_, first: string) => first.toUpperCase())}Response`;
  const title = answerName ?? (empty ? 'SuccessResponse' : own);
  schemas.define(title, { allOf: empty ? [base] : [base, schemas.object(response)] });
  return { ...json(refTo('schemas', title)), ...(mayFollow && stream()) };
}

function requestBodyOf({ body, content }: OperationSpec, schemas: Schemas): Json {
  if (content === 'request') return { requestBody: { required: true, content: bytes } };
  if (!body) return {};
  const { title: _, ...nameless } = plain(body);
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
  LastEventID: {
    name: lastEventIdHeader.name,
    in: 'header',
    required: false,
    description: 'The id of the last event that was read; the stream goes on after it',
    'x-extension': true,
    schema: { type: 'string', pattern: lastEventIdHeader.pattern },
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
    ...(canStream(operation) ? [refTo('parameters', 'LastEventID')] : []),
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
    const { description, 'x-extension': _, ...rest } = plain(field);
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
      ? { ...before, description: `${before.description}; ${line}` }
      : { description: line, content: json(refTo('schemas', errorName(clientCode))) };
  }
  return byStatus;
}
