// The typed client: one method for each operation of the contract, signed, with the server's
// refusals as errors. It needs fetch and WebCrypto alone, so it runs in Node, Deno, Bun and
// browsers. It loads no schema, because schemas take long to load.

import { ApiError, NoAnswerError } from './errors.ts';
import { signedRequest } from './request.ts';
import { retryAfterMs, retrying } from './retry.ts';
import { extensionsHeader, idempotencyHeader, type Route, routes } from './routes.ts';
import type { Envelope, Operations } from './types.ts';
import { watch } from './watch.ts';
import { type Reply, type Sending, webFetch } from './web-fetch.ts';

export type { Reply, Sending };

export interface ClientOptions {
  /** Where the server is, such as http://127.0.0.1:8080. */
  url: string;
  key: string;
  secret: string;
  /** Is told each request, as it was sent, and its answer; never the secret. */
  onCall?: (call: Call) => void;
  /** For how long to wait for an answer, and between the bytes of a file. Default: 30,000. */
  timeoutMs?: number;
  /**
   * How often a request is sent at most: again when the server is away or refuses for now (429 and
   * 503). Changes then have an idempotency key, so that none is done twice. Default: 1.
   */
  triesMax?: number;
  /** False for a server of the specification alone: only what that has is sent. Default: true. */
  extensions?: boolean;
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

/** For a single call. */
export interface CallOptions {
  /** Ends the call, which then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Instead of the client's. */
  timeoutMs?: number | undefined;
  /** Instead of one that is made for the call. A change that comes again under it is done once. */
  idempotencyKey?: string | undefined;
}

type OperationName = keyof Operations;
export type Input<Name extends OperationName> = Operations[Name]['input'];
export type Answer<Name extends OperationName> = Operations[Name]['answer'];

/** The arguments of a method; the input may be left out when none of its fields is required. */
export type Arguments<Given> =
  Record<never, never> extends Given
    ? [input?: Given, options?: CallOptions]
    : [input: Given, options?: CallOptions];

/**
 * A method for each operation. It takes the fields of path, query and body in one object. It throws
 * ApiError for a refusal, NoAnswerError when there is no answer, and the reason of the signal.
 */
export type Client = {
  [Name in keyof Operations as Operations[Name] extends { content: string } ? never : Name]: (
    ...given: Arguments<Input<Name>>
  ) => Promise<Answer<Name> & Envelope>;
};

const defaultTimeoutMs = 30_000;
/** An idempotency key as the server takes it. */
const keyForm = /^[\x21-\x7e]{1,128}$/;

export function createClient(options: ClientOptions): Client {
  const offered = Object.entries(routes).filter(
    ([, { content, extension }]) => !content && (options.extensions !== false || !extension),
  );
  return methodsOf(options, offered) as Client;
}

/** A method for each of the routes, by its name. */
export function methodsOf(options: ClientOptions, offered: [name: string, route: Route][]): object {
  const methods = offered.map(([name, route]) => [
    name,
    async (input: object = {}, call: CallOptions = {}) =>
      envelopeIn(options, await sendFields(options, route, input, call)),
  ]);
  return Object.fromEntries(methods);
}

interface Sent extends CallOptions {
  /** Bytes to send instead of JSON. */
  content?: Uint8Array;
  /** Such as Range. */
  headers?: Record<string, string>;
  /** Hands the answer over as it comes, also where the operation answers with JSON otherwise. */
  isStream?: boolean;
}

/**
 * Signs and sends a request of any operation, including operations that take or return bytes.
 * Throws like the methods of the client.
 */
export const send = <Name extends OperationName>(
  options: ClientOptions,
  name: Name,
  input: Input<Name>,
  sent: Sent = {},
): Promise<Reply> => sendFields(options, routes[name], input, sent);

/** The same for a route of any table. */
export async function sendFields(
  options: ClientOptions,
  route: Route,
  input: object,
  { headers, ...sent }: Sent,
): Promise<Reply> {
  const { triesMax = 1, extensions = true } = options;
  const isRead = route.method === 'GET';
  const makesKey = triesMax > 1 && extensions && !isRead && !sent.content;
  const key = sent.idempotencyKey ?? (makesKey ? crypto.randomUUID() : undefined);
  if (key !== undefined && !keyForm.test(key))
    throw new TypeError('An idempotencyKey has 1 to 128 visible ASCII characters.');
  const all = { ...headers, ...(key !== undefined && { [idempotencyHeader]: key }) };
  return retrying(
    { triesMax, isRepeatable: isRead || key !== undefined, signal: sent.signal },
    () => sendOnce(options, route, input, { ...sent, headers: all }),
  );
}

async function sendOnce(
  options: ClientOptions,
  route: Route,
  input: object,
  { content, headers, signal, timeoutMs = options.timeoutMs ?? defaultTimeoutMs, isStream }: Sent,
): Promise<Reply> {
  const isWhole = !isStream && (route.content === undefined || route.content === 'request');
  const { fetch: send = webFetch, extensions = true, onCall } = options;
  const { method, path, search, json, body, authorization } = await signedRequest(
    options,
    route,
    input,
    content,
  );
  const guard = watch(timeoutMs, signal);
  const failed = (error: unknown) => {
    guard.end();
    return signal?.aborted ? signal.reason : noAnswer(options.url, timeoutMs, error);
  };
  const exchange = async () => {
    const reply = await send(new URL(path + search, options.url), {
      method,
      headers: {
        authorization,
        ...(extensions && { [extensionsHeader.name]: extensionsHeader.value }),
        ...(body.length > 0 && {
          'content-type': content ? 'application/octet-stream' : 'application/json',
        }),
        ...headers,
      },
      ...(body.length > 0 && { body }),
      signal: guard.signal,
      // A signature is for one path, so the place of a redirection would refuse it.
      redirect: 'manual',
    });
    if (!isWhole && reply.ok) return streamed(reply, guard, failed);
    // Read the text also when nobody asks for it, because the connection is busy until then.
    const text = await reply.text();
    guard.end();
    return { ...partsOf(reply), body: null, text: async () => text };
  };
  const reply = await exchange().catch((error: unknown) => {
    throw failed(error);
  });
  if (reply.body === null) {
    const call = { method, path: path + search, body: json, authorization, status: reply.status };
    onCall?.({ ...call, answer: parsed(await reply.text()) ?? {} });
  }
  return accepted(options, reply);
}

/** The fields of an answer, which may be properties of its class. */
const partsOf = ({ ok, status, headers }: Reply) => ({ ok, status, headers });

/** An answer of bytes. It may take as long as it takes, while bytes come. */
function streamed(
  reply: Reply,
  guard: ReturnType<typeof watch>,
  failed: (error: unknown) => unknown,
): Reply {
  async function* heard(body: AsyncIterable<Uint8Array>) {
    try {
      for await (const piece of body) {
        // The reader may take its time with a piece, since the server is not silent then.
        guard.end();
        yield piece;
        guard.heard();
      }
    } catch (error) {
      throw failed(error);
    } finally {
      guard.end();
    }
  }
  const text = () => reply.text().finally(guard.end);
  return { ...partsOf(reply), body: reply.body && heard(reply.body), text };
}

async function accepted(options: ClientOptions, reply: Reply): Promise<Reply> {
  if (reply.ok) return reply;
  const { client_code: code, message } = await envelopeIn(options, reply);
  const { headers, status } = reply;
  const waitMs = retryAfterMs(headers.get('retry-after'));
  throw new ApiError(code, status, message, headers.get('x-request-id'), waitMs);
}

function noAnswer(url: string, timeoutMs: number, error: unknown): NoAnswerError {
  if (error instanceof NoAnswerError) return error;
  return error instanceof Error && error.name === 'TimeoutError'
    ? new NoAnswerError(url, 'late', `within ${timeoutMs / 1000} s`, { cause: error })
    : new NoAnswerError(url, 'unreachable', reasonOf(error), { cause: error });
}

/** The error of fetch says little; what caused it says why. */
const reasonOf = (error: unknown): string =>
  error instanceof Error && error.cause instanceof Error ? String(error.cause) : String(error);

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
async function envelopeIn({ url }: ClientOptions, reply: Reply): Promise<Envelope> {
  const answer = parsed(await reply.text());
  if (isEnvelope(answer)) return answer;
  const { status, headers } = reply;
  const moved = headers.get('location');
  // A browser hides where a redirection leads to, and its status.
  const isMoved = moved !== null || status === 0;
  const what = isMoved
    ? `and sends callers to ${moved ?? 'another place'}`
    : (headers.get('content-type') ?? 'bytes of no type');
  throw new NoAnswerError(url, 'foreign', `${status}, ${what}`, { status });
}
