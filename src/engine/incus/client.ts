// A small client of the REST API of Incus: one request at a time, with limits on its time and on
// the length of its answer. What Incus does in the background is followed in operation.ts.

import type { IncomingMessage } from 'node:http';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Static, TSchema } from 'typebox';
import { AppError, failedForNow } from '../../domain/error.ts';
import { type Endpoint, endpointsOf, type IncusAddress } from './address.ts';
import { Envelope, parseAnswer } from './answer.ts';
import { connectionFault, isMissing, refusalOf } from './error.ts';

const askMs = 60_000;
/** A list of all instances of a large cluster is long. */
const answerBytesMax = 256 * 1024 ** 2;

export interface Body {
  /** The bytes, and how many they are. */
  content: Readable | AsyncIterable<Buffer>;
  bytes: number;
  headers: Record<string, string>;
}

export interface Ask {
  query?: Record<string, string>;
  json?: object;
  body?: Body;
  /** The change is refused when the object is no longer as it was read. */
  etag?: string;
  timeoutMs?: number;
}

export interface Answer {
  /** The path of the operation that goes on in the background; null when there is none. */
  operation: string | null;
  metadata: unknown;
  etag: string | null;
}

type Method = 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE';

const unanswered = new Set(['ECONNREFUSED', 'ENOENT', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT']);

export class IncusClient {
  readonly project: string;
  readonly #endpoints: readonly Endpoint[];
  #at = 0;

  constructor(address: IncusAddress, project: string) {
    this.#endpoints = endpointsOf(address);
    this.project = project;
    if (this.#endpoints.length === 0)
      throw new AppError('invalid', 'No address of Incus is given.');
  }

  /** The address that answered last. */
  get endpoint(): Endpoint {
    const endpoint = this.#endpoints[this.#at % this.#endpoints.length];
    if (!endpoint) throw new AppError('invalid', 'No address of Incus is given.');
    return endpoint;
  }

  /** Path and query of a request; objects of the cluster itself ignore the project. */
  target(path: string, query: Record<string, string> = {}): string {
    const all = new URLSearchParams({ project: this.project, ...query });
    return `${path}${path.includes('?') ? '&' : '?'}${all}`;
  }

  /** Throws IncusRefusal for an error of Incus, `unavailable` when there is no answer in time. */
  async ask(method: Method, path: string, signal: AbortSignal, ask: Ask = {}): Promise<Answer> {
    const limit = AbortSignal.timeout(ask.timeoutMs ?? askMs);
    const response = await this.#send(method, path, AbortSignal.any([signal, limit]), ask, signal);
    const what = `${method} ${path}`;
    const text = await textOf(response, what).catch((error) => {
      signal.throwIfAborted();
      throw error;
    });
    const envelope = parseAnswer(Envelope, jsonOf(text), what);
    const status = response.statusCode ?? 0;
    if (envelope.type === 'error' || status >= 400)
      throw refusalOf(envelope.error_code || status, envelope.error ?? '', what);
    return {
      operation: envelope.type === 'async' ? (envelope.operation ?? null) : null,
      metadata: envelope.metadata,
      etag: response.headers.etag ?? null,
    };
  }

  /** Reads an object of a known shape. */
  async get<Shape extends TSchema>(
    shape: Shape,
    path: string,
    signal: AbortSignal,
    query?: Record<string, string>,
  ): Promise<{ value: Static<Shape>; etag: string | null }> {
    const answer = await this.ask('GET', path, signal, query ? { query } : {});
    return { value: parseAnswer(shape, answer.metadata, `GET ${path}`), etag: answer.etag };
  }

  /** Like `get`, and null when there is no such object. */
  async find<Shape extends TSchema>(
    shape: Shape,
    path: string,
    signal: AbortSignal,
  ): Promise<{ value: Static<Shape>; etag: string | null } | null> {
    return this.get(shape, path, signal).catch((error) => {
      if (isMissing(error)) return null;
      throw error;
    });
  }

  /** Streams a file of Incus; the caller has to read it to its end, or to destroy it. */
  async download(path: string, signal: AbortSignal, query?: Record<string, string>) {
    const response = await this.#send('GET', path, signal, query ? { query } : {}, signal);
    const status = response.statusCode ?? 0;
    if (status < 400) return response;
    const envelope = parseAnswer(Envelope, jsonOf(await textOf(response, path)), path);
    throw refusalOf(envelope.error_code || status, envelope.error ?? '', `GET ${path}`);
  }

  close(): void {
    for (const endpoint of this.#endpoints) endpoint.close();
  }

  /** Asks the next address when one does not answer at all; then nothing was done there. */
  async #send(
    method: Method,
    path: string,
    signal: AbortSignal,
    ask: Ask,
    callers: AbortSignal,
  ): Promise<IncomingMessage> {
    for (let tries = 1; ; tries++) {
      const endpoint = this.endpoint;
      try {
        return await sendTo(endpoint, method, this.target(path, ask.query), signal, ask);
      } catch (error) {
        callers.throwIfAborted();
        if (error instanceof AppError) throw error;
        if (signal.aborted)
          throw failedForNow('Incus did not answer in time; it is asked again.', {
            detail: `${method} ${path} at ${endpoint.name}`,
          });
        const { code = '', syscall } = error as NodeJS.ErrnoException;
        // An error of the bytes that were to be sent is the caller's.
        if (ask.body && code === '' && syscall === undefined) throw error;
        if (unanswered.has(code) || endpoint.isTls) this.#at++;
        if (!unanswered.has(code) || tries >= this.#endpoints.length)
          throw connectionFault(endpoint.name, endpoint.isTls, error);
      }
    }
  }
}

function sendTo(
  { request, isTls }: Endpoint,
  method: Method,
  path: string,
  signal: AbortSignal,
  { json, body, etag }: Ask,
): Promise<IncomingMessage> {
  const text = json === undefined ? null : JSON.stringify(json);
  const headers = {
    ...(text !== null && {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    }),
    ...(body && { 'content-length': body.bytes, ...body.headers }),
    ...(etag !== undefined && { 'if-match': etag }),
  };
  return new Promise((resolve, reject) => {
    const send = isTls ? requestHttps : requestHttp;
    const sent = send({ ...request, method, path, headers, signal }, resolve);
    sent.on('error', reject);
    if (!body) return void sent.end(text ?? undefined);
    const content = body.content instanceof Readable ? body.content : Readable.from(body.content);
    pipeline(content, sent).catch((error) => {
      sent.destroy();
      reject(error);
    });
  });
}

async function textOf(response: IncomingMessage, what: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      bytes += (chunk as Buffer).length;
      if (bytes > answerBytesMax) break;
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    throw failedForNow('The answer of Incus ended early; it is asked again.', {
      detail: `${what}: ${String(error)}`,
    });
  }
  if (bytes > answerBytesMax)
    throw failedForNow('Incus gave an answer that is too long.', { detail: what });
  return Buffer.concat(chunks).toString();
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(0, 200);
  }
}
