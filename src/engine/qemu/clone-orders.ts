// Gives orders to the process that waits in a template and in its clones; see clone-script.ts. The
// guest controls every answer, so no answer is trusted.

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { LineReader } from '../../lib/line-reader.ts';
import type { Ended } from './clone-answer.ts';
import { ended, listens } from './clone-script.ts';
import { connectTo } from './qmp.ts';

const lineBytesMax = 4096;
/** The most bytes that a guest may answer with. */
const bytesMax = 256 * 1024;

/** The guest did not answer in time, or its process has ended. */
export class NoAnswer extends Error {}

export class CloneOrders {
  readonly #socket: Socket;
  #lines: string[] = [];
  #waiting: PromiseWithResolvers<Ended> | null = null;
  #failure: Error | null = null;
  readonly #listening = Promise.withResolvers<void>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new LineReader(lineBytesMax);
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) return this.#end(`it said more than ${bytesMax} bytes`);
      for (const line of reader.push(chunk)) if (line !== null) this.#take(line);
    });
    socket.on('error', (error) => this.#end(error.message));
    socket.on('close', () => this.#end('the channel was closed'));
  }

  /** Connects to the socket that QEMU has for the port. */
  static async open(path: string): Promise<CloneOrders> {
    const socket = connectTo(path);
    await once(socket, 'connect');
    // A channel that is left open does not keep the server alive.
    socket.unref();
    return new CloneOrders(socket);
  }

  /** Resolves when the process says that it waits for orders, and never when it does not. */
  get listening(): Promise<void> {
    return this.#listening.promise;
  }

  /**
   * Resolves to what the guest printed and the status with which it ended the order. Rejects with
   * NoAnswer, or with the signal's reason.
   */
  async give(order: string, limitMs: number, signal: AbortSignal): Promise<Ended> {
    signal.throwIfAborted();
    if (this.#failure !== null) throw this.#failure;
    const waiting = Promise.withResolvers<Ended>();
    [this.#waiting, this.#lines] = [waiting, []];
    const late = setTimeout(() => this.#end(`it took more than ${limitMs / 1000} s`), limitMs);
    const abort = () => waiting.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      this.#socket.write(`${order}\n`);
      return await waiting.promise;
    } finally {
      clearTimeout(late);
      signal.removeEventListener('abort', abort);
    }
  }

  /** The process in the guest ends with its channel. */
  close(): void {
    this.#socket.destroy();
  }

  #take(line: string): void {
    const [word, status = ''] = line.split(' ');
    if (word === listens) return void this.#listening.resolve();
    if (word !== ended) return void this.#lines.push(line);
    const exitCode = /^\d{1,3}$/.test(status) ? Number(status) : 255;
    this.#waiting?.resolve({ exitCode, stdout: this.#lines.join('\n') });
  }

  #end(why: string): void {
    this.#failure ??= new NoAnswer(why);
    this.#waiting?.reject(this.#failure);
    this.#socket.destroy();
  }
}
