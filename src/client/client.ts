// The typed client: one method for each operation of the contract, signed, with the server's
// refusals as errors. It needs fetch and WebCrypto alone, so it runs in Node and in browsers. Of the
// contract it loads the routes alone, because the schemas take long to load.

import { extensionsHeader } from '../contract/extension.ts';
import type {
  Answer,
  Envelope,
  Fields,
  JsonOperationName,
  OperationName,
} from '../contract/table.ts';
import { ApiError, NoAnswerError } from './errors.ts';
import { signedRequest } from './request.ts';
import { type Route, routes } from './routes.ts';

/** An answer as the client reads it: what it uses of a Response. */
export interface Reply {
  ok: boolean;
  status: number;
  headers: { get(name: string): string | null };
  body: AsyncIterable<Uint8Array> | null;
  text(): Promise<string>;
}

/** A request as the client sends it: what it uses of a RequestInit. */
export interface Sending {
  method: string;
  headers: Record<string, string>;
  body?: Uint8Array<ArrayBuffer>;
  signal?: AbortSignal;
  redirect: 'manual';
}

export interface ClientOptions {
  /** Where the server is, such as http://127.0.0.1:8080. */
  url: string;
  key: string;
  secret: string;
  /** Is told each request, as it was sent, and its answer; never the secret. */
  onCall?: (call: Call) => void;
  /** For how long to wait for an answer. Default: 30,000. */
  timeoutMs?: number;
  /** Sends a request, and rejects with the signal's reason when that ends it. Default: fetch. */
  fetch?: (url: URL, sending: Sending) => Promise<Reply>;
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
  const methods = Object.entries(routes).map(([name, route]) => [
    name,
    async (input: object = {}) => envelopeIn(options, await sendFields(options, route, input)),
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
): Promise<Reply> => sendFields(options, routes[name], input, sent);

async function sendFields(
  options: ClientOptions,
  route: Route,
  input: object,
  { content, headers }: Sent = {},
): Promise<Reply> {
  const request = await signedRequest(options, route, input, content);
  const { method, path, search, json, body, authorization } = request;
  const type = content ? 'application/octet-stream' : 'application/json';
  const { fetch: send = fetch, timeoutMs = defaultTimeoutMs } = options;
  const isJson = route.content !== 'response';
  const response = await send(new URL(path + search, options.url), {
    method,
    headers: {
      authorization,
      [extensionsHeader.name]: extensionsHeader.value,
      ...(body.length > 0 && { 'content-type': type }),
      ...headers,
    },
    ...(body.length > 0 && { body }),
    // An answer of bytes may take as long as it takes.
    ...(isJson && { signal: AbortSignal.timeout(timeoutMs) }),
    // A signature is for one path, so the place of a redirection would refuse it.
    redirect: 'manual',
  }).catch((error: unknown) => {
    throw noAnswer(options, error);
  });
  const call = { method, path: path + search, body: json, authorization };
  const reply = isJson ? await readWhole(options, call, response) : response;
  if (reply.ok) return reply;
  const { client_code: code, message } = await envelopeIn(options, reply);
  throw new ApiError(code, reply.status, message, reply.headers.get('x-request-id'));
}

/**
 * Reads the text of an answer, also when nobody asks for it, because its connection is busy until
 * then. Tells the call to who wants to know.
 */
async function readWhole(
  options: ClientOptions,
  call: Omit<Call, 'status' | 'answer'>,
  reply: Reply,
): Promise<Reply> {
  const text = await textOf(options, reply);
  const { ok, status, headers } = reply;
  options.onCall?.({ ...call, status, answer: parsed(text) ?? {} });
  return { ok, status, headers, body: null, text: async () => text };
}

function noAnswer(
  { url, timeoutMs = defaultTimeoutMs }: ClientOptions,
  error: unknown,
): NoAnswerError {
  return error instanceof Error && error.name === 'TimeoutError'
    ? new NoAnswerError(url, 'late', `within ${timeoutMs / 1000} s`, error)
    : new NoAnswerError(url, 'unreachable', String(error), error);
}

const textOf = (options: ClientOptions, reply: Reply): Promise<string> =>
  reply.text().catch((error: unknown) => {
    throw noAnswer(options, error);
  });

/** Returns undefined for a text that is not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
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
async function envelopeIn(options: ClientOptions, response: Reply): Promise<Envelope> {
  const answer = parsed(await textOf(options, response));
  if (isEnvelope(answer)) return answer;
  const type = response.headers.get('content-type') ?? 'bytes of no type';
  const moved = response.headers.get('location');
  const what = moved === null ? type : `and sends callers to ${moved}`;
  throw new NoAnswerError(options.url, 'foreign', `${response.status}, ${what}`);
}
