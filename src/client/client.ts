// The typed client: one method for each operation of the contract, signed, with the server's
// refusals as errors. Runs in Node and in browsers, on fetch and WebCrypto alone.

import { pathPrefix } from '../contract/envelope.ts';
import { extensionsHeader } from '../contract/extension.ts';
import type { OperationSpec } from '../contract/operation.ts';
import { formatAuthorization, signedHead } from '../contract/signing.ts';
import {
  type Answer,
  type Envelope,
  type Fields,
  type JsonOperationName,
  type OperationName,
  operations,
} from '../contract/table.ts';

export interface ClientOptions {
  /** Where the server is, such as http://127.0.0.1:8080. */
  url: string;
  key: string;
  secret: string;
  /** Gets each request as it is sent and its answer; for narration. Never the secret. */
  onCall?: (call: Call) => void;
  timeoutMs?: number;
}

export interface Call {
  method: string;
  path: string;
  body: string;
  authorization: string;
  status: number;
  answer: unknown;
}

/** A refusal by the server, as it said it. */
export class ApiError extends Error {
  readonly clientCode: number;
  readonly status: number;
  readonly requestId: string | null;
  constructor(clientCode: number, status: number, message: string, requestId: string | null) {
    super(message);
    this.name = 'ApiError';
    this.clientCode = clientCode;
    this.status = status;
    this.requestId = requestId;
  }
}

/**
 * No answer that Silversmith gave: nothing listens there, it took too long, or something else
 * answers.
 */
export class NoAnswerError extends Error {
  readonly url: string;
  readonly why: 'unreachable' | 'late' | 'foreign';
  constructor(url: string, why: NoAnswerError['why'], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'NoAnswerError';
    this.url = url;
    this.why = why;
  }
}

/**
 * Path, query and body fields in one object; throws ApiError for a refusal, NoAnswerError when
 * there is no answer.
 */
export type Client = {
  [Name in JsonOperationName]: (input: Fields<Name>) => Promise<Answer<Name> & Envelope>;
};

const timeoutMs = 30_000;
const encoder = new TextEncoder();
const hex = (bytes: ArrayBuffer) =>
  [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

async function sign(secret: string, head: string, body: string | Uint8Array): Promise<string> {
  const key = await crypto.subtle.importKey(
    'raw',
    encoder.encode(secret),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign'],
  );
  const [first, rest] = [
    encoder.encode(head),
    typeof body === 'string' ? encoder.encode(body) : body,
  ];
  const text = new Uint8Array(first.length + rest.length);
  text.set(first);
  text.set(rest, first.length);
  return hex(await crypto.subtle.sign('HMAC', key, text));
}

export function createClient(options: ClientOptions): Client {
  const methods = (Object.keys(operations) as OperationName[]).map((name) => [
    name,
    async (input: Record<string, unknown> = {}) =>
      parsedAnswer(options, await send(options, name, input as never)),
  ]);
  return Object.fromEntries(methods) as Client;
}

/** Bytes to send instead of JSON, and headers such as Range. */
export interface Sent {
  content?: Uint8Array;
  headers?: Record<string, string>;
}

/**
 * Signs and sends one request of any operation; for those that take or give bytes. Throws ApiError
 * for a refusal, NoAnswerError.
 */
export async function send<Name extends OperationName>(
  options: ClientOptions,
  name: Name,
  input: Fields<Name>,
  { content, headers }: Sent = {},
): Promise<Response> {
  const operation: OperationSpec = operations[name];
  const { path, body: json, search } = shape(operation, input as Record<string, unknown>);
  const body = content ?? json;
  const { key, secret } = options;
  const nonce = crypto.randomUUID();
  const timestamp = String(Date.now());
  const { method } = operation;
  const signature = await sign(secret, signedHead({ key, method, path, timestamp, nonce }), body);
  const authorization = formatAuthorization({ key, signature, nonce, timestamp });
  const type = content ? 'application/octet-stream' : 'application/json';
  const response = await fetch(new URL(path + search, options.url), {
    method,
    headers: {
      authorization,
      [extensionsHeader.name]: extensionsHeader.value,
      ...(body.length > 0 && { 'content-type': type }),
      ...headers,
    },
    ...(body.length > 0 && { body: body as string | Uint8Array<ArrayBuffer> }),
    // Bytes may take as long as they take; what only answers may not.
    ...(operation.content !== 'response' && {
      signal: AbortSignal.timeout(options.timeoutMs ?? timeoutMs),
    }),
    // A signature is for one address: a request that is sent on elsewhere would be refused there.
    redirect: 'manual',
  }).catch((error: unknown) => {
    throw noAnswer(options, error);
  });
  const called = {
    method,
    path: path + search,
    body: content ? '' : json,
    authorization,
    status: response.status,
  };
  const copy =
    options.onCall && operation.content !== 'response'
      ? await response
          .clone()
          .json()
          .catch(() => ({}))
      : {};
  options.onCall?.({ ...called, answer: copy });
  if (response.ok) return response;
  const { client_code: code, message } = await parsedAnswer(options, response);
  throw new ApiError(code, response.status, message, response.headers.get('x-request-id'));
}

function noAnswer(
  { url, timeoutMs: limitMs = timeoutMs }: ClientOptions,
  error: unknown,
): NoAnswerError {
  return (error as Error).name === 'TimeoutError'
    ? new NoAnswerError(url, 'late', `within ${limitMs / 1000} s`, error)
    : new NoAnswerError(url, 'unreachable', String(error), error);
}

/**
 * The envelope and what is in it. Throws NoAnswerError for what is not Silversmith's, such as a
 * proxy's page.
 */
async function parsedAnswer(options: ClientOptions, response: Response): Promise<Envelope> {
  const text = await response.text().catch((error: unknown) => {
    throw noAnswer(options, error);
  });
  try {
    const answer = JSON.parse(text) as Partial<Envelope> | null;
    if (typeof answer?.client_code === 'number' && typeof answer.message === 'string')
      return answer as Envelope;
  } catch {
    // Told below, like JSON of another kind.
  }
  const type = response.headers.get('content-type') ?? 'bytes of no type';
  const moved = response.headers.get('location');
  const what = moved === null ? `${type}` : `and sends callers to ${moved}`;
  throw new NoAnswerError(options.url, 'foreign', `${response.status}, ${what}`);
}

/** Distributes an input's fields over path, query and body, as the operation has them. */
function shape(operation: OperationSpec, input: Record<string, unknown>) {
  const path =
    pathPrefix +
    operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(String(input[name])),
    );
  const fieldsOf = (schema: OperationSpec['body']) =>
    Object.keys(schema?.properties ?? {}).flatMap((name) =>
      input[name] === undefined ? [] : [[name, input[name]] as const],
    );
  const query = new URLSearchParams(
    fieldsOf(operation.query).map(([name, value]) => [name, String(value)]),
  );
  const fields = fieldsOf(operation.body);
  return {
    path,
    search: query.size > 0 ? `?${query}` : '',
    body: fields.length > 0 ? JSON.stringify(Object.fromEntries(fields)) : '',
  };
}
