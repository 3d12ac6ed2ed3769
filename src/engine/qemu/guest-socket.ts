// A stream to a socket of a guest. Its bytes come from a guest, or from a process that a guest may
// have taken over, so they are passed on and never read here.

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connectTo } from './qmp.ts';

/** So many bytes wait in a stream before its other side is held back. */
const waitingBytesMax = 256 * 1024;

interface Watching {
  /** Gets the bytes that come from the guest, before they are read. */
  onBytes?: (bytes: Buffer) => void;
  /** Bytes that are read before all others. */
  before?: Buffer;
  /** Ends before the stream is closed. */
  onEnd?: () => Promise<void>;
}

class GuestStream extends Duplex {
  readonly #socket: Socket;
  readonly #onEnd: (() => Promise<void>) | undefined;

  constructor(socket: Socket, { onBytes, before, onEnd }: Watching) {
    super({
      readableHighWaterMark: waitingBytesMax,
      writableHighWaterMark: waitingBytesMax,
      allowHalfOpen: false,
    });
    this.#socket = socket;
    this.#onEnd = onEnd;
    if (before !== undefined && before.length > 0) this.push(before);
    socket.on('data', (bytes: Buffer) => {
      onBytes?.(bytes);
      if (!this.push(bytes)) socket.pause();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.push(null));
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    if (this.#socket.writable) this.#socket.write(bytes, () => done());
    else done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    void (this.#onEnd?.() ?? Promise.resolve()).finally(() => done(error));
  }
}

/** Rejects when nothing listens at the path, with the signal's reason, and when time is over. */
export async function openGuestSocket(
  path: string,
  signal: AbortSignal,
  watching: Watching = {},
): Promise<Duplex> {
  const socket = connectTo(path);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      if (signal.aborted) reject(signal.reason);
    });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return new GuestStream(socket, watching);
}
