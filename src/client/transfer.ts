// Moves the bytes of images: an upload in parts, a download by ranges. Both resume where they were
// cut off. Neither has a time limit while bytes move: over a slow line parts are small, so that
// each fits the time for an answer. A transfer whose bytes no longer move is given up.

import { type Client, type ClientOptions, send } from './client.ts';
import { ApiError, NoAnswerError, StalledError } from './errors.ts';
import { pause } from './retry.ts';
import { transferPartBytesMax } from './routes.ts';
import type { Reply } from './web-fetch.ts';

export interface Moving {
  onBytes?: ((done: number, total: number) => void) | undefined;
  /** How long to wait before the second attempt; each later wait is twice as long. */
  pauseMs?: number | undefined;
  /** Ends the transfer of bytes, which then throws the signal's reason. What was moved is kept. */
  signal?: AbortSignal | undefined;
}

/** A run of zeros in a file: its first byte, and the byte after its last. */
export type Hole = readonly [start: number, end: number];

/** Gives bytes of a file, from an offset on; fewer than asked for only where the file ends. */
export type Read = (offset: number, length: number) => Promise<Uint8Array>;

/** The most attempts in a row that move no byte. */
const triesMax = 6;
const firstPauseMs = 1000;
/**
 * A part is as large as the line carries in this time, or in a quarter of the time for an answer.
 */
const partMs = 5000;
const firstPartBytes = 256 * 1024;
const partBytesMin = 16 * 1024;

/** The transfer was ended while its bytes moved, or is not made yet. */
class OverError extends ApiError {
  constructor(id: string, status: string) {
    super(409, 409, `Transfer ${id} is ${status}, so its bytes cannot be moved.`, null);
  }
}

/**
 * Whether another attempt may succeed: after a failure of the network or the server, after too many
 * requests, and after a part at a wrong place.
 */
const mayPass = (error: unknown) =>
  error instanceof NoAnswerError ||
  (error instanceof ApiError &&
    !(error instanceof OverError) &&
    (error.status >= 500 || [408, 409, 429].includes(error.status)));

/** Counts the attempts that move no byte, and waits between them. */
class Attempts {
  readonly #what: string;
  readonly #moving: Moving;
  #tries = 1;
  #before = -1;

  constructor(what: string, moving: Moving) {
    this.#what = what;
    this.#moving = moving;
  }

  /** Waits for the next attempt. Throws StalledError after the last, and failures that stay. */
  async after(error: unknown, { done, total }: { done: number; total: number }): Promise<void> {
    if (!mayPass(error)) throw error;
    if (done > this.#before) [this.#tries, this.#before] = [1, done];
    if (this.#tries >= triesMax) throw new StalledError(this.#what, done, total, triesMax, error);
    const { pauseMs = firstPauseMs, signal } = this.#moving;
    await pause(pauseMs * 2 ** (this.#tries - 1), signal);
    this.#tries++;
  }
}

/** Where the bytes of an upload go. */
export interface Target {
  /**
   * The bytes that are there, and those of the whole file. It is asked at each attempt, because a
   * part whose answer was lost may have arrived.
   */
  state(signal: AbortSignal | undefined): Promise<{ done: number; total: number }>;
  send(offset: number, content: Uint8Array, signal: AbortSignal | undefined): Promise<unknown>;
}

/**
 * Sends the bytes of a file that the server lacks. Throws StalledError, ApiError for a refusal that
 * another attempt would get too, and the errors of `read`.
 */
export const upload = (
  client: Client,
  options: ClientOptions,
  id: string,
  read: Read,
  moving: Moving = {},
): Promise<void> => {
  const target: Target = {
    async state(signal) {
      const { attributes } = await client.transferGet({ id }, { signal });
      const [done, total] = [attributes.received_bytes, attributes.size_bytes];
      if (done < total && attributes.status !== 'receiving')
        throw new OverError(id, attributes.status);
      return { done, total };
    },
    send: (offset, content, signal) =>
      send(options, 'transferPart', { id, offset }, { content, signal }),
  };
  return uploadTo(target, options, read, moving);
};

/** The same to another target. */
export async function uploadTo(
  target: Target,
  options: ClientOptions,
  read: Read,
  moving: Moving = {},
): Promise<void> {
  const { onBytes, signal } = moving;
  const aimMs = Math.min(partMs, (options.timeoutMs ?? Number.POSITIVE_INFINITY) / 4);
  const attempts = new Attempts('upload', moving);
  const at = { done: 0, total: 0 };
  let [length, most] = [firstPartBytes, transferPartBytesMax];
  const attempt = async () => {
    Object.assign(at, await target.state(signal));
    while (at.done < at.total) {
      const content = await read(at.done, Math.min(length, at.total - at.done));
      if (content.length === 0)
        throw new RangeError(`The file ends at ${at.done} bytes; ${at.total} were announced.`);
      const begun = performance.now();
      try {
        await target.send(at.done, content, signal);
      } catch (error) {
        most = Math.max(partBytesMin, Math.floor(content.length / 2));
        length = Math.max(partBytesMin, Math.floor(content.length / 8));
        throw error;
      }
      at.done += content.length;
      onBytes?.(at.done, at.total);
      const carried = (content.length / (performance.now() - begun)) * aimMs;
      length = Math.floor(Math.min(most, Math.max(partBytesMin, carried)));
    }
    return true;
  };
  while (!(await attempt().catch((error) => attempts.after(error, at))));
}

/** The offset of the first byte of an answer. A proxy that knows no ranges sends the whole file. */
function beginsAt({ status, headers }: Reply, asked: number): number {
  if (status !== 206) return 0;
  const [, first] = /^bytes (\d{1,15})-/.exec(headers.get('content-range') ?? '') ?? [];
  return first === undefined ? asked : Number(first);
}

/** Bytes, and where in the file they belong. */
interface Placed {
  bytes: Uint8Array;
  position: number;
}

/** The bytes of an export, from `offset` on, without those in the holes. Throws like `upload`. */
async function* placed(
  client: Client,
  options: ClientOptions,
  id: string,
  offset: number,
  { holes = [], ...moving }: Moving & { holes?: readonly Hole[] | undefined },
): AsyncGenerator<Placed> {
  const { onBytes, signal } = moving;
  const attempts = new Attempts('download', moving);
  const at = { done: offset, total: 0 };
  const moved = (bytes: number) => {
    at.done += bytes;
    onBytes?.(at.done, at.total);
  };
  while (true) {
    try {
      const { attributes } = await client.transferGet({ id }, { signal });
      if (attributes.status !== 'available') throw new OverError(id, attributes.status);
      at.total = attributes.size_bytes;
      while (at.done < at.total) {
        const hole = holes.find(([start, end]) => start <= at.done && at.done < end);
        if (hole) {
          moved(Math.min(hole[1], at.total) - at.done);
          continue;
        }
        const next = holes.find(([start]) => start > at.done)?.[0];
        const end = Math.min(next ?? at.total, at.total);
        for await (const bytes of ranged(options, id, { start: at.done, end }, next, signal)) {
          yield { bytes, position: at.done };
          moved(bytes.length);
        }
        if (at.done < end)
          throw new NoAnswerError(options.url, 'unreachable', 'the connection ended early');
      }
      return;
    } catch (error) {
      await attempts.after(error, at);
    }
  }
}

/** The bytes of a range, or fewer where the connection ends; `next`: not to the end of the file. */
async function* ranged(
  options: ClientOptions,
  id: string,
  { start, end }: { start: number; end: number },
  next: number | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const headers = { range: `bytes=${start}-${next === undefined ? '' : end - 1}` };
  const reply = await send(options, 'transferContent', { id }, { headers, signal });
  let excess = start - beginsAt(reply, start);
  if (excess < 0) throw new NoAnswerError(options.url, 'foreign', 'bytes of another place');
  let left = end - start;
  for await (const piece of reply.body ?? []) {
    // Leave out what was not asked for, before the offset and behind the end.
    const bytes = piece.subarray(excess, excess + left);
    excess -= Math.min(excess, piece.length);
    if (bytes.length === 0) continue;
    left -= bytes.length;
    yield bytes;
    if (left === 0) break;
  }
}

/** The bytes of an export, from `offset` on. Throws like `upload`. */
export async function* downloaded(
  client: Client,
  options: ClientOptions,
  id: string,
  offset: number,
  moving: Moving = {},
): AsyncGenerator<Uint8Array> {
  const { onBytes, pauseMs, signal } = moving;
  const pieces = placed(client, options, id, offset, { onBytes, pauseMs, signal });
  for await (const { bytes } of pieces) yield bytes;
}

/**
 * Gives the bytes of an export, from `offset` on, to `write`, with their place in the file. Those
 * in `holes`, which the manifest of an export lists, are zeros and are left out. Throws like
 * `upload`.
 */
export async function download(
  client: Client,
  options: ClientOptions,
  id: string,
  offset: number,
  write: (bytes: Uint8Array, position: number) => Promise<void>,
  moving: Moving & { holes?: readonly Hole[] | undefined } = {},
): Promise<void> {
  for await (const { bytes, position } of placed(client, options, id, offset, moving))
    await write(bytes, position);
}
