// A person who looks at a machine over a websocket. What waits for a slow connection is bounded in
// both directions.

import type { Duplex } from 'node:stream';
import type { WebSocket } from '@fastify/websocket';

export const viewerLimits = {
  /** The most viewers of one server, and of one machine. */
  ofServer: 200,
  ofMachine: 16,
  /** How many views of one machine may begin in a second; twice as many at once. */
  beginsPerSecond: 10,
  /** The longest message of a viewer. A longer one ends its connection. */
  messageBytes: 256 * 1024,
  /** So many bytes wait for a connection before no more are taken for it. */
  waitingBytes: 1024 ** 2,
  /** How often links, keys and machines of viewers are looked at. */
  checkMs: 2000,
  /** A viewer who has said nothing for so long has gone. Its browser answers pings by itself. */
  silenceMs: 60_000,
};

/** Why a view ends, with the status of RFC 6455 and the text that the viewer is told. */
const viewEnds = {
  off: [4001, 'The machine is off.'],
  over: [4002, 'The time of the link is over, or its key is not in use any more.'],
  lost: [4003, 'The machine does not answer any more.'],
  stopping: [1001, 'The server stops.'],
  silent: [4004, 'Nothing was heard of the viewer.'],
} as const satisfies Record<string, readonly [code: number, reason: string]>;
export type ViewEnd = keyof typeof viewEnds;

/** The status of a view that cannot begin; it may be tried again. */
const refusedCode = 4005;
/** The longest reason that RFC 6455 allows. */
const reasonBytesMax = 123;
/** How long a viewer may take to close its side. */
const closeMs = 5000;

export class Viewer {
  readonly #socket: WebSocket;
  #heardAt = performance.now();
  #skippedBytes = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', () => {
      this.#heardAt = performance.now();
    });
    socket.on('pong', () => {
      this.#heardAt = performance.now();
    });
    // A connection that breaks, or a message that is too long, is followed by its close.
    socket.on('error', () => {});
  }

  get isBehind(): boolean {
    return this.#socket.bufferedAmount > viewerLimits.waitingBytes;
  }

  /** Sends bytes; `onSent` is called when the connection has taken them. */
  send(bytes: Buffer, onSent: () => void = () => {}): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(bytes, onSent);
  }

  /** Sends bytes, or leaves them out and says so later when the connection is behind. */
  sendOrSkip(bytes: Buffer): void {
    if (this.isBehind || this.#skippedBytes > 0) {
      this.#skippedBytes += bytes.length;
      return;
    }
    this.send(bytes, () => {
      if (this.#skippedBytes === 0 || this.#socket.bufferedAmount > 0) return;
      const skipped = this.#skippedBytes;
      this.#skippedBytes = 0;
      this.send(Buffer.from(`\r\n[${skipped} bytes are left out: the connection is slow]\r\n`));
    });
  }

  onMessage(take: (bytes: Buffer) => void): void {
    this.#socket.on('message', (data) => {
      if (Buffer.isBuffer(data)) take(data);
    });
  }

  /** Takes no messages until `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Asks for a sign of life; ends a view that gives none. */
  check(): void {
    if (performance.now() - this.#heardAt > viewerLimits.silenceMs) this.end('silent');
    else if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  end(why: ViewEnd): void {
    const [code, reason] = viewEnds[why];
    this.#close(code, reason);
  }

  /** Ends a view that cannot begin, with the reason. */
  refuse(reason: string): void {
    this.#close(refusedCode, reason);
  }

  #close(code: number, reason: string): void {
    // A connection takes no close while it is held back.
    this.#socket.resume();
    const short = Buffer.from(reason)
      .subarray(0, reasonBytesMax)
      .toString()
      .replace(/\ufffd$/, '');
    this.#socket.close(code, short);
    // A viewer that does not take its messages takes no close either.
    setTimeout(() => this.#socket.terminate(), closeMs).unref();
  }

  /** Resolves when the connection is closed. */
  closed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.readyState === this.#socket.CLOSED) resolve();
      else this.#socket.once('close', () => resolve());
    });
  }
}

/** Sends what a stream gives to one viewer, and holds the stream back while it is behind. */
export function showStream(stream: Duplex, viewer: Viewer): void {
  stream.on('data', (bytes: Buffer) => {
    viewer.send(bytes, () => {
      if (!viewer.isBehind) stream.resume();
    });
    if (viewer.isBehind) stream.pause();
  });
}

/** Gives a viewer's bytes to a stream, and holds the viewer back while the stream is behind. */
export function takeInput(viewer: Viewer, stream: Duplex, bytes: Buffer): void {
  if (stream.destroyed || stream.writableEnded || stream.write(bytes)) return;
  viewer.pause();
  stream.once('drain', () => viewer.resume());
}
