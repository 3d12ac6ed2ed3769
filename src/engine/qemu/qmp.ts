// Speaks line-delimited JSON over a unix socket, as QEMU's monitor (QMP) and the guest agent do:
// one request at a time, each with its own limit. The peer is a guest, or a process that a guest
// may have taken over, so nothing it sends is trusted, and a link or a pipe in the place of its
// socket is refused here.

import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { LineReader } from '../../lib/line-reader.ts';

export type Message = Record<string, unknown>;

const lineBytesMax = 1024 ** 2;
/** The most bytes that one connection may receive. */
const bytesMax = 64 * 1024 ** 2;
const linesMax = 20_000;
/**
 * A nested value takes many times more memory than the byte that opens it. No true answer has so
 * many.
 */
const bracketsMax = 10_000;
const reasonMax = 500;
/** Opens a name and nothing behind it; Node has no name for it. */
const O_PATH = 0o10000000;

/**
 * Connects to a unix socket. The kernel takes names of up to 107 bytes, and a data directory may
 * lie deeper, so the socket is opened first and named by its descriptor. A link in its place is not
 * followed, and anything else there is refused.
 */
export function connectTo(path: string): Socket {
  const file = openSync(path, O_PATH | constants.O_NOFOLLOW);
  try {
    if (!fstatSync(file).isSocket()) throw new Error(`${path} is not a socket`);
    const socket = connect(`/proc/self/fd/${file}`);
    socket.once('close', () => closeSync(file));
    return socket;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** The object that a line holds; null for anything else. */
function parseMessage(line: string): Message | null {
  let brackets = 0;
  for (let index = 0; index < line.length; index++) {
    const code = line.charCodeAt(index);
    if ((code === 0x5b || code === 0x7b) && ++brackets > bracketsMax) return null;
  }
  try {
    // The guest agent puts 0xFF before the answer to guest-sync-delimited.
    return JSON.parse(line.replace(/^[^{]*/, '')) as Message;
  } catch {
    return null;
  }
}

/** Returns the text of a peer's error, which may have any shape. */
const reasonIn = (error: unknown): string => {
  const { desc } = (error ?? {}) as { desc?: unknown };
  return typeof desc === 'string' ? desc.slice(0, reasonMax) : 'refused';
};

/** The peer answered that it does not do what it was asked. */
export class PeerRefusal extends Error {}

interface Options {
  onEvent?: (event: Message) => void;
  /** The longest answer that is taken. */
  lineMost?: number;
}

export class JsonSocket {
  #socket: Socket;
  #waiting: {
    accept: (message: Message) => boolean;
    resolve: (message: Message) => void;
    reject: (error: Error) => void;
  } | null = null;
  #closed: Error | null = null;

  private constructor(socket: Socket, { onEvent = () => {}, lineMost = lineBytesMax }: Options) {
    this.#socket = socket;
    const lines = new LineReader(lineMost);
    let [bytes, count] = [0, 0];
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      for (const line of lines.push(chunk)) {
        if (++count > linesMax) break;
        this.#receive(line, lineMost, onEvent);
      }
      if (bytes > bytesMax || count > linesMax)
        socket.destroy(
          new Error(`the other side sent more than ${bytesMax} bytes or ${linesMax} lines`),
        );
    });
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new Error('the connection was closed')));
  }

  static open(path: string, timeoutMs: number, options: Options = {}): Promise<JsonSocket> {
    return new Promise((resolve, reject) => {
      const socket = connectTo(path);
      const timer = setTimeout(
        () => socket.destroy(new Error(`no answer from ${path}`)),
        timeoutMs,
      );
      socket.once('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
      socket.once('connect', () => {
        clearTimeout(timer);
        resolve(new JsonSocket(socket, options));
      });
    });
  }

  #receive(line: string | null, lineMost: number, onEvent: (event: Message) => void): void {
    if (line === null)
      this.#take()?.reject(new Error(`the answer has more than ${lineMost} bytes`));
    const message = line === null ? null : parseMessage(line);
    if (message === null || 'QMP' in message) return;
    if ('event' in message) onEvent(message);
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

  /** Resolves to the value of `return`; rejects with the peer's error, at the limit, or when the
   * connection ends. Answers that `accept` refuses are skipped.
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
          if ('error' in message) reject(new PeerRefusal(`${execute}: ${reasonIn(message.error)}`));
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
  onEvent: (event: Message) => void = () => {},
): Promise<JsonSocket> {
  const socket = await JsonSocket.open(path, timeoutMs, { onEvent });
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
