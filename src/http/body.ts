// Reads the body of a request. Its size is limited, and so are the time without a byte, the lowest
// average speed, and the memory of all bodies together. The whole time is not limited, because a
// slow line is no attack. After a refusal the rest of the body is still read for a while: many
// clients send all they have before they look at the answer, and would find a broken connection
// instead.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { parse as parseJson } from 'secure-json-parse';
import { AppError, invalid } from '../domain/error.ts';

export const bodyLimits = {
  /** A body that brings no byte for so long is given up. */
  idleMs: 30_000,
  /** From then on its average speed must be at least `bytesPerSecondMin`. */
  graceMs: 30_000,
  bytesPerSecondMin: 1024,
  /** How often both are checked. */
  checkMs: 1000,
  /** The most memory for all bodies that are being read or worked on. */
  heldBytesMax: 256 * 1024 * 1024,
  /** For how long the rest of a body is read after the answer, */
  lingerMs: 30_000,
  /** for how long without a byte, */
  lingerIdleMs: 5000,
  /** and how much of it. */
  lingerBytesMax: 64 * 1024 * 1024,
};

interface BodyOptions {
  bytesMax: number;
  /** Whether the bytes are kept in memory; otherwise only `onBytes` gets them. */
  keep: boolean;
  onBytes(bytes: Buffer): void;
}

/** Whether the headers announce a body. */
export const hasBody = ({ headers }: IncomingMessage) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;

const nothing = Buffer.alloc(0);
const inUnits = (bytes: number) => `${bytes} bytes (${bytes / 1024 ** 2} MB)`;

/** Says why a body is too slow; null when it is not. */
function tooSlow(bytes: number, passedMs: number, idleMs: number): string | null {
  const { graceMs, bytesPerSecondMin } = bodyLimits;
  if (idleMs > bodyLimits.idleMs) return `nothing of it came for ${bodyLimits.idleMs / 1000} s`;
  if (passedMs <= graceMs || bytes >= (passedMs / 1000) * bytesPerSecondMin) return null;
  return `it comes with fewer than ${bytesPerSecondMin} bytes a second`;
}

export class Bodies {
  #heldBytes = 0;

  /**
   * Resolves to the body, or to an empty buffer when it is not kept. Throws `too_large`,
   * `timed_out`, `unavailable` when all bodies take too much memory, and `invalid` when the
   * connection ends first.
   */
  read(request: IncomingMessage, response: ServerResponse, options: BodyOptions): Promise<Buffer> {
    const { bytesMax, keep, onBytes } = options;
    const large = (has: string) =>
      new AppError('too_large', `The body has ${has}; the most is ${inUnits(bytesMax)} here.`);
    if (!hasBody(request)) return Promise.resolve(nothing);
    const declared = Number(request.headers['content-length'] ?? 0);
    if (declared > bytesMax) return Promise.reject(large(`${declared} bytes`));
    const begun = performance.now();
    let [bytes, movedAt] = [0, begun];
    let kept: Buffer[] = [];
    // A body counts as memory until its request is answered.
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
 * Returns an answer that is sent at once, and whose end waits for the rest of the request, or
 * enough of it. Returns null when the whole request has come.
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

/** Parses the JSON of a body; an empty body is an empty object. Throws `invalid` and `not_json`. */
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
 * Refuses a body that an operation does not take, because no part of the signed text may be
 * ignored. Throws `invalid`.
 */
export function assertNoBody(body: Buffer): void {
  if (/^[ \t\r\n]*\{[ \t\r\n]*\}[ \t\r\n]*$|^$/.test(body.toString('latin1'))) return;
  throw invalid('This operation takes no body; send none, or an empty JSON object.');
}
