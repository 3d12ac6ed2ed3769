// Moves the bytes of images: an upload in parts, a download by ranges. Both resume where they were
// cut off. Neither has a time limit while bytes move: over a slow line parts are small, so that
// each fits the time for an answer. A transfer whose bytes no longer move is given up.

import { type Client, type ClientOptions, send } from './client.ts';
import { ApiError, StalledError } from './errors.ts';
import { transferPartBytesMax } from './routes.ts';

interface Moving {
  onBytes?: (done: number, total: number) => void;
  /** How long to wait before the second attempt; each later wait is twice as long. */
  pauseMs?: number;
}

/** The most attempts in a row that move no byte. */
const triesMax = 6;
const firstPauseMs = 1000;
/**
 * A part is as large as the line carries in this time, or in a quarter of the time for an answer.
 */
const partMs = 5000;
const firstPartBytes = 256 * 1024;
const partBytesMin = 16 * 1024;

/** The transfer was ended while its bytes moved. */
class OverError extends ApiError {
  constructor(id: string, status: string) {
    super(409, 409, `Transfer ${id} is ${status}, and takes no bytes any more.`, null);
  }
}

/**
 * Whether another attempt may succeed: after a failure of the network or the server, after too many
 * requests, and after a part at a wrong place.
 */
const mayPass = (error: unknown) =>
  !(error instanceof OverError) &&
  (!(error instanceof ApiError) || error.status >= 500 || [408, 409, 429].includes(error.status));

/**
 * Runs `work` until it resolves, again after each failure that may pass. `work` keeps `at` up to
 * date. Throws StalledError, and failures that do not pass.
 */
async function insistently(
  what: string,
  pauseMs: number,
  work: (at: { done: number; total: number }) => Promise<void>,
) {
  const at = { done: 0, total: 0 };
  for (let tries = 1, before = -1; ; tries++) {
    try {
      return await work(at);
    } catch (error) {
      if (!mayPass(error)) throw error;
      if (at.done > before) [tries, before] = [1, at.done];
      if (tries >= triesMax) throw new StalledError(what, at.done, at.total, tries, error);
      await new Promise((resolve) => setTimeout(resolve, pauseMs * 2 ** (tries - 1)));
    }
  }
}

/**
 * Sends the bytes of a file that the server lacks; `read` gives bytes from an offset on. Throws
 * StalledError, and ApiError for a refusal that another attempt would get too.
 */
export async function upload(
  client: Client,
  options: ClientOptions,
  id: string,
  read: (offset: number, length: number) => Promise<Uint8Array>,
  { onBytes, pauseMs = firstPauseMs }: Moving = {},
): Promise<void> {
  const aimMs = Math.min(partMs, (options.timeoutMs ?? Number.POSITIVE_INFINITY) / 4);
  let [length, most] = [firstPartBytes, transferPartBytesMax];
  await insistently('upload', pauseMs, async (at) => {
    // Ask at each attempt, because a part whose answer was lost may have arrived.
    const { attributes } = await client.transferGet({ id });
    [at.done, at.total] = [attributes.received_bytes, attributes.size_bytes];
    if (at.done < at.total && attributes.status !== 'receiving')
      throw new OverError(id, attributes.status);
    while (at.done < at.total) {
      const content = await read(at.done, Math.min(length, at.total - at.done));
      const begun = performance.now();
      try {
        await send(options, 'transferPart', { id, offset: at.done }, { content });
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
  });
}

/** Gives the bytes of an export, from `offset` on, to `write`. Throws like `upload`. */
export async function download(
  client: Client,
  options: ClientOptions,
  id: string,
  offset: number,
  write: (bytes: Uint8Array) => Promise<void>,
  { onBytes, pauseMs = firstPauseMs }: Moving = {},
): Promise<void> {
  let done = offset;
  await insistently('download', pauseMs, async (at) => {
    at.done = done;
    at.total = (await client.transferGet({ id })).attributes.size_bytes;
    if (done >= at.total) return;
    const response = await send(
      options,
      'transferContent',
      { id },
      { headers: { range: `bytes=${done}-` } },
    );
    if (!response.body) throw new TypeError('the answer has no body');
    for await (const bytes of response.body) {
      await write(bytes);
      done += bytes.length;
      at.done = done;
      onBytes?.(done, at.total);
    }
    if (done < at.total) throw new TypeError('the connection ended early');
  });
}
