// Reads the body of a request: bounded in bytes, by how slowly it may come, and in what all bodies
// together may take of memory. A body is not bounded in time as long as it moves, since slow lines
// are no attack. What nobody is going to read is read on for a while after the answer, as many
// clients send all they have before they look, and would find a broken connection instead of the
// answer.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { parse as parseJson } from 'secure-json-parse';
import { AppError, invalid } from '../domain/error.ts';

export const bodyLimits = {
  /** A body that has not moved for so long has ended. */
  idleMs: 30_000,
  /** After so long it must have come with `bytesPerSecondMin` on average. */
  graceMs: 30_000,
  bytesPerSecondMin: 1024,
  /** How often both are looked at. */
  checkMs: 1000,
  /** What all bodies that are being read or worked on take of memory together. */
  heldBytesMax: 256 * 1024 * 1024,
  /**
   * For how long, how long without a byte, and how far what nobody needs is read on after an
   * answer.
   */
  lingerMs: 30_000,
  lingerIdleMs: 5000,
  lingerBytesMax: 64 * 1024 * 1024,
};

export interface BodyOptions {
  bytesMax: number;
  /** Whether the bytes are kept; else they are told to `onBytes` alone. */
  keep: boolean;
  onBytes(bytes: Buffer): void;
}

/** As its headers say. */
const hasBody = ({ headers }: IncomingMessage) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;

const inUnits = (bytes: number) => `${bytes} bytes (${bytes / 1024 ** 2} MB)`;

/** How long it took: a body that stands still, or comes too slowly on average. */
function tooSlow(bytes: number, passedMs: number, idleMs: number): string | null {
  const { graceMs, bytesPerSecondMin } = bodyLimits;
  if (idleMs > bodyLimits.idleMs) return `nothing of it came for ${bodyLimits.idleMs / 1000} s`;
  if (passedMs <= graceMs || bytes >= (passedMs / 1000) * bytesPerSecondMin) return null;
  return `it comes with fewer than ${bytesPerSecondMin} bytes a second`;
}

export class Bodies {
  #heldBytes = 0;

  /**
   * The body, or an empty buffer when it is not kept. Throws `too_large`, `timed_out`,
   * `unavailable` when bodies take too much memory, and `invalid` when the connection ends first.
   */
  read(request: IncomingMessage, response: ServerResponse, options: BodyOptions): Promise<Buffer> {
    const { bytesMax, keep, onBytes } = options;
    const large = (has: string) =>
      new AppError('too_large', `The body has ${has}; the most is ${inUnits(bytesMax)} here.`);
    if (!hasBody(request)) return Promise.resolve(Buffer.alloc(0));
    const declared = Number(request.headers['content-length'] ?? 0);
    if (declared > bytesMax) return Promise.reject(large(`${declared} bytes`));
    const begun = performance.now();
    let [bytes, movedAt] = [0, begun];
    let kept: Buffer[] = [];
    // What is worked on is held until it is answered.
    response.once('close', () => {
      if (keep) this.#heldBytes -= bytes;
    });
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const timer = setInterval(() => {
      const now = performance.now();
      const slow = tooSlow(bytes, now - begun, now - movedAt);
      if (slow !== null)
        end(
          new AppError(
            'timed_out',
            `The body did not come to its end: ${slow}. Send the request again.`,
          ),
        );
    }, bodyLimits.checkMs);
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      movedAt = performance.now();
      if (keep) this.#heldBytes += chunk.length;
      if (bytes > bytesMax) return end(large(`more than ${bytesMax} bytes`));
      if (this.#heldBytes > bodyLimits.heldBytesMax) {
        const message =
          'The server has too many large requests at this moment; send this one again.';
        return end(new AppError('unavailable', message, { retryAfterMs: 1000 }));
      }
      onBytes(chunk);
      if (keep) kept.push(chunk);
    };
    const onEnd = () => end(null);
    const onCut = () => end(invalid('The connection ended before the body did.'));
    const end = (error: AppError | null) => {
      clearInterval(timer);
      request.off('data', onData).off('end', onEnd).off('close', onCut);
      if (error) reject(error);
      else resolve(Buffer.concat(kept));
      kept = [];
    };
    request.on('data', onData).on('end', onEnd).on('close', onCut).on('error', onCut);
    return promise;
  }
}

/** Resolves when the rest of a request has come, or enough of it. */
function drained(request: IncomingMessage): Promise<void> {
  const { lingerMs, lingerIdleMs, lingerBytesMax } = bodyLimits;
  const { promise, resolve } = Promise.withResolvers<void>();
  let bytes = 0;
  const whole = setTimeout(resolve, lingerMs);
  const idle = setTimeout(resolve, lingerIdleMs);
  request
    .on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > lingerBytesMax) resolve();
      idle.refresh();
    })
    .on('end', resolve)
    .on('close', resolve)
    .on('error', () => resolve())
    .resume();
  return promise.finally(() => {
    clearTimeout(whole);
    clearTimeout(idle);
  });
}

/**
 * An answer that goes out at once and ends when the rest of the request has come, or enough of it;
 * null: it has come.
 */
export function lingering(request: IncomingMessage, answer: string | Buffer): Readable | null {
  if (request.complete || request.readableEnded || !hasBody(request)) return null;
  async function* parts() {
    yield answer;
    await drained(request);
  }
  return Readable.from(parts(), { objectMode: false });
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
const jsonType = /^(application|text)\/([\w.-]+\+)?json\b/i;

/** The JSON of a body; an empty one is an empty object. Throws `invalid` or `not_json`. */
export function parseBody(type: string | undefined, body: Buffer): unknown {
  if (body.length === 0) return {};
  if (type !== undefined && !jsonType.test(type)) {
    throw new AppError('not_json', `The body is ${type}; send it as application/json.`);
  }
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw invalid('The body is not UTF-8.');
  }
  try {
    return parseJson(text);
  } catch (error) {
    throw invalid(`The body is not JSON: ${(error as Error).message}`);
  }
}

/**
 * For an operation that takes no body, so that no part of the signed text is ignored. Throws
 * `invalid`.
 */
export function assertNoBody(body: Buffer): void {
  if (/^[ \t\r\n]*\{[ \t\r\n]*\}[ \t\r\n]*$|^$/.test(body.toString('latin1'))) return;
  throw invalid('This operation takes no body; send none, or an empty JSON object.');
}
