// Line-delimited JSON over a unix socket, as QEMU's monitor (QMP) and its guest agent speak it: one request at a time, each with
// its own limit.

import { closeSync, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import { createInterface } from 'node:readline';

type Message = Record<string, unknown>;

/**
 * Connects to a unix socket. The kernel takes names of up to 107 bytes, so the folder is opened and the socket is named below its
 * descriptor: a data directory may lie as deep as it likes.
 */
function connectIn(path: string): Socket {
  const folder = openSync(dirname(path), 'r');
  const socket = connect(`/proc/self/fd/${folder}/${basename(path)}`);
  socket.once('close', () => closeSync(folder));
  return socket;
}

export class JsonSocket {
  #socket: Socket;
  #waiting: {
    accept: (message: Message) => boolean;
    resolve: (message: Message) => void;
    reject: (error: Error) => void;
  } | null = null;
  #events: (event: Message) => void;
  #closed: Error | null = null;

  private constructor(socket: Socket, onEvent: (event: Message) => void) {
    this.#socket = socket;
    this.#events = onEvent;
    const lines = createInterface({ input: socket });
    lines.on('line', (line) => this.#receive(line));
    // A socket's error is told by close, and readline repeats it.
    lines.on('error', () => {});
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new Error('the connection was closed')));
  }

  static open(path: string, timeoutMs: number, onEvent: (event: Message) => void = () => {}): Promise<JsonSocket> {
    return new Promise((resolve, reject) => {
      const socket = connectIn(path);
      const timer = setTimeout(() => socket.destroy(new Error(`no answer from ${path}`)), timeoutMs);
      socket.once('error', reject);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.off('error', reject);
        resolve(new JsonSocket(socket, onEvent));
      });
    });
  }

  #receive(line: string): void {
    let message: Message;
    try {
      // The guest agent puts 0xFF before the answer to guest-sync-delimited.
      message = JSON.parse(line.replace(/^[^{]*/, '')) as Message;
    } catch {
      return;
    }
    if ('event' in message) this.#events(message);
    else if ('QMP' in message) return;
    else if (this.#waiting?.accept(message)) this.#take()?.resolve(message);
  }

  #take() {
    const waiting = this.#waiting;
    this.#waiting = null;
    return waiting;
  }

  #end(error: Error): void {
    this.#closed ??= error;
    this.#take()?.reject(error);
  }

  /** Sends raw bytes without waiting for an answer. */
  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /**
   * Resolves to what `return` holds; rejects with the peer's error, at the limit, or when the connection ends. Answers that `accept`
   * does not take are passed over.
   */
  call(
    execute: string,
    args: Message | undefined,
    timeoutMs: number,
    accept = (_message: Message) => true,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#closed);
      if (this.#waiting) return reject(new Error('another request is under way'));
      const timer = setTimeout(() => {
        this.#take();
        reject(new Error(`${execute} was not answered within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiting = {
        accept,
        resolve: (message) => {
          clearTimeout(timer);
          const error = message.error as { desc?: string } | undefined;
          if (error) reject(new Error(`${execute}: ${error.desc}`));
          else resolve(message.return);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#socket.write(`${JSON.stringify({ execute, ...(args && { arguments: args }) })}\n`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Opens the monitor and leaves its negotiation mode. */
export async function openMonitor(
  path: string,
  timeoutMs: number,
  onEvent?: (event: Message) => void,
): Promise<JsonSocket> {
  const socket = await JsonSocket.open(path, timeoutMs, onEvent);
  try {
    await socket.call('qmp_capabilities', undefined, timeoutMs);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** Runs one monitor command on a connection of its own. */
export async function monitorCall(
  path: string,
  execute: string,
  args: Message | undefined,
  timeoutMs: number,
): Promise<unknown> {
  const monitor = await openMonitor(path, timeoutMs);
  try {
    return await monitor.call(execute, args, timeoutMs);
  } finally {
    monitor.close();
  }
}
