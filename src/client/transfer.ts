// Moves the bytes of images: uploads in parts that go on where they were cut off, downloads by ranges that do the same.

import { transferPartBytesMax } from '../wire/transfer.ts';
import { ApiError, type Client, type ClientOptions, send } from './client.ts';

export type OnBytes = (done: number, total: number) => void;

const triesMax = 5;
const pauseMs = 1000;

/** Tries again what the network, not the server, has refused. */
async function insistently<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries >= triesMax || (error instanceof ApiError && error.status < 500)) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs * tries));
    }
  }
}

/** Sends what the server lacks of a file; `read` gives bytes from a place in it. */
export async function upload(
  client: Client,
  options: ClientOptions,
  id: string,
  read: (offset: number, length: number) => Promise<Uint8Array>,
  onBytes?: OnBytes,
): Promise<void> {
  while (true) {
    // Asked anew each time: a part whose answer was lost has arrived all the same.
    const { attributes } = await insistently(() => client.transferGet({ id }));
    let offset = attributes.received_bytes;
    if (offset >= attributes.size_bytes) return;
    try {
      while (offset < attributes.size_bytes) {
        const content = await read(offset, Math.min(transferPartBytesMax, attributes.size_bytes - offset));
        await send(options, 'transferPart', { id, offset }, { content });
        offset += content.length;
        onBytes?.(offset, attributes.size_bytes);
      }
    } catch (error) {
      if (error instanceof ApiError && error.status < 500 && error.status !== 409 && error.status !== 429) throw error;
      if (
        error instanceof ApiError &&
        error.status === 409 &&
        (await client.transferGet({ id })).attributes.status !== 'receiving'
      )
        throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

/** Gives the bytes of an export from `offset` on to `write`, and goes on by itself when the connection is lost. */
export async function download(
  client: Client,
  options: ClientOptions,
  id: string,
  offset: number,
  write: (bytes: Uint8Array) => Promise<void>,
  onBytes?: OnBytes,
): Promise<void> {
  const total = (await client.transferGet({ id })).attributes.size_bytes;
  let done = offset;
  await insistently(async () => {
    if (done >= total) return;
    const response = await send(options, 'transferContent', { id }, { headers: { range: `bytes=${done}-` } });
    if (!response.body) throw new TypeError('the answer has no body');
    for await (const bytes of response.body) {
      await write(bytes);
      done += bytes.length;
      onBytes?.(done, total);
    }
    if (done < total) throw new TypeError('the connection ended early');
  });
}
