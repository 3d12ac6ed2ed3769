// The typed client: one method for each operation of the contract, signed, with the server's
// refusals as errors. It needs fetch and WebCrypto alone, so it runs in Node and in browsers.

import { extensionsHeader } from '../contract/extension.ts';
import {
  type Answer,
  type Envelope,
  type Fields,
  type JsonOperationName,
  type OperationName,
  operationNames,
  specOf,
} from '../contract/table.ts';
import { ApiError, NoAnswerError } from './errors.ts';
import { signedRequest } from './request.ts';

export interface ClientOptions {
  /** Where the server is, such as http://127.0.0.1:8080. */
  url: string;
  key: string;
  secret: string;
  /** Is told each request, as it was sent, and its answer; never the secret. */
  onCall?: (call: Call) => void;
  /** For how long to wait for an answer. Default: 30,000. */
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

/**
 * A method for each operation. It takes the fields of path, query and body in one object, and
 * throws ApiError for a refusal and NoAnswerError when there is no answer.
 */
export type Client = {
  [Name in JsonOperationName]: (input: Fields<Name>) => Promise<Answer<Name> & Envelope>;
};

const defaultTimeoutMs = 30_000;

export function createClient(options: ClientOptions): Client {
  const methods = operationNames.map((name) => [
    name,
    async (input: object = {}) => envelopeIn(options, await sendFields(options, name, input)),
  ]);
  return Object.fromEntries(methods) as Client;
}

/** Bytes to send instead of JSON, and headers such as Range. */
interface Sent {
  content?: Uint8Array;
  headers?: Record<string, string>;
}

/**
 * Signs and sends a request of any operation, including operations that take or return bytes.
 * Throws ApiError for a refusal, and NoAnswerError.
 */
export const send = <Name extends OperationName>(
  options: ClientOptions,
  name: Name,
  input: Fields<Name> & object,
  sent: Sent = {},
): Promise<Response> => sendFields(options, name, input, sent);

async function sendFields(
  options: ClientOptions,
  name: OperationName,
  input: object,
  { content, headers }: Sent = {},
): Promise<Response> {
  const operation = specOf(name);
  const request = await signedRequest(options, operation, input, content);
  const { method, path, search, json, body, authorization } = request;
  const type = content ? 'application/octet-stream' : 'application/json';
  const response = await fetch(new URL(path + search, options.url), {
    method,
    headers: {
      authorization,
      [extensionsHeader.name]: extensionsHeader.value,
      ...(body.length > 0 && { 'content-type': type }),
      ...headers,
    },
    ...(body.length > 0 && { body }),
    // An answer of bytes may take as long as it takes.
    ...(operation.content !== 'response' && {
      signal: AbortSignal.timeout(options.timeoutMs ?? defaultTimeoutMs),
    }),
    // A signature is for one path, so the place of a redirection would refuse it.
    redirect: 'manual',
  }).catch((error: unknown) => {
    throw noAnswer(options, error);
  });
  if (options.onCall) {
    const isJson = operation.content !== 'response';
    const answer = isJson
      ? await response
          .clone()
          .json()
          .catch(() => ({}))
      : {};
    const { status } = response;
    options.onCall({ method, path: path + search, body: json, authorization, status, answer });
  }
  if (response.ok) return response;
  const { client_code: code, message } = await envelopeIn(options, response);
  throw new ApiError(code, response.status, message, response.headers.get('x-request-id'));
}

function noAnswer(
  { url, timeoutMs = defaultTimeoutMs }: ClientOptions,
  error: unknown,
): NoAnswerError {
  return error instanceof Error && error.name === 'TimeoutError'
    ? new NoAnswerError(url, 'late', `within ${timeoutMs / 1000} s`, error)
    : new NoAnswerError(url, 'unreachable', String(error), error);
}

const isEnvelope = (answer: unknown): answer is Envelope =>
  typeof answer === 'object' &&
  answer !== null &&
  'client_code' in answer &&
  typeof answer.client_code === 'number' &&
  'message' in answer &&
  typeof answer.message === 'string';

/**
 * The envelope of an answer and the fields in it. Throws NoAnswerError for an answer of another
 * program, such as a proxy's page.
 */
async function envelopeIn(options: ClientOptions, response: Response): Promise<Envelope> {
  const text = await response.text().catch((error: unknown) => {
    throw noAnswer(options, error);
  });
  try {
    const answer: unknown = JSON.parse(text);
    if (isEnvelope(answer)) return answer;
  } catch {
    // No JSON is refused below, like JSON of another form.
  }
  const type = response.headers.get('content-type') ?? 'bytes of no type';
  const moved = response.headers.get('location');
  const what = moved === null ? type : `and sends callers to ${moved}`;
  throw new NoAnswerError(options.url, 'foreign', `${response.status}, ${what}`);
}
