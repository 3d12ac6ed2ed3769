// Commands inside instances, over Incus's websockets. What a guest prints is untrusted: it is cut
// where its limits are, and the command is ended then.

import { Type } from 'typebox';
import { WebSocket } from 'ws';
import { failedForNow } from '../../domain/error.ts';
import { parseAnswer } from './answer.ts';
import type { Incus } from './context.ts';

const messageBytesMax = 4 * 1024 ** 2;
const connectMs = 10_000;
/** How long the last bytes of the output may follow the end of a command. */
const drainMs = 5000;

interface GuestCommand {
  command: readonly string[];
  /** The text that the command reads on its standard input. */
  input?: string;
  environment?: Record<string, string>;
  limitMs: number;
  /** The most bytes of both outputs together. */
  outputBytesMax: number;
  onOutput(from: 'stdout' | 'stderr', chunk: Buffer): void;
}

interface GuestOutcome {
  /** Null when the command did not end by itself. */
  exitCode: number | null;
  /** Why it was ended: its time was over, or it printed too much; null when it was not. */
  ended: 'timeout' | 'output' | null;
}

const Exec = Type.Object({
  metadata: Type.Object({
    fds: Type.Object({ 0: Type.String(), 1: Type.String(), 2: Type.String() }),
  }),
});
const Result = Type.Object({ return: Type.Number() });

/**
 * Runs a command inside an instance that is on, as its root. Incus kills the command when it is
 * ended here. Throws `unavailable` when the guest does not run it.
 */
export async function runInside(
  { client, operations }: Incus,
  instance: string,
  { command, input = '', environment = {}, ...given }: GuestCommand,
  signal: AbortSignal,
): Promise<GuestOutcome> {
  const json = {
    command,
    environment,
    interactive: false,
    'wait-for-websocket': true,
    'record-output': false,
    user: 0,
    group: 0,
  };
  const path = `/1.0/instances/${instance}/exec`;
  const { operation, metadata } = await client.ask('POST', path, signal, { json });
  if (operation === null) throw failedForNow('Incus did not run the command.');
  const { fds } = parseAnswer(Exec, metadata, path).metadata;
  let ended: GuestOutcome['ended'] = null;
  const end = new AbortController();
  const over = AbortSignal.any([signal, end.signal]);
  const timer = setTimeout(() => {
    ended ??= 'timeout';
    end.abort();
  }, given.limitMs);
  const { websocket } = client.endpoint;
  const [at, query] = operation.split('?');
  const open = (secret: string) =>
    new WebSocket(
      `${websocket.origin}${at}/websocket?secret=${secret}${query ? `&${query}` : ''}`,
      {
        ...websocket.options,
        maxPayload: messageBytesMax,
        perMessageDeflate: false,
        handshakeTimeout: connectMs,
      },
    );
  let bytes = 0;
  const output = (from: 'stdout' | 'stderr') => (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= given.outputBytesMax) return given.onOutput(from, chunk);
    ended ??= 'output';
    end.abort();
  };
  const reading = [
    follow(open(fds[1]), over, output('stdout')),
    follow(open(fds[2]), over, output('stderr')),
    feed(open(fds[0]), over, input),
  ];
  try {
    const found = await operations.end(operation, over);
    await Promise.race([Promise.all(reading), pause(drainMs, over)]);
    if (ended !== null) return { exitCode: null, ended };
    if (found === null) throw failedForNow('Incus was started again while the command ran.');
    return { exitCode: parseAnswer(Result, found.metadata, path).return, ended };
  } catch (error) {
    signal.throwIfAborted();
    if (ended !== null) return { exitCode: null, ended };
    throw error;
  } finally {
    clearTimeout(timer);
    end.abort();
    await Promise.all(reading);
  }
}

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    timer.unref();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Resolves when the socket is closed, for whatever reason; the operation says how it ended. */
function closing(socket: WebSocket, signal: AbortSignal): Promise<void> {
  const terminate = () => socket.terminate();
  if (signal.aborted) terminate();
  signal.addEventListener('abort', terminate, { once: true });
  return new Promise((resolve) => {
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      signal.removeEventListener('abort', terminate);
      resolve();
    });
  });
}

/**
 * Reads one output until Incus closes it. A text says the end of the output; the socket stays open
 * then, because Incus kills a command whose reader goes away.
 */
function follow(socket: WebSocket, signal: AbortSignal, take: (chunk: Buffer) => void) {
  socket.on('message', (data, isBinary) => {
    if (isBinary && Buffer.isBuffer(data)) take(data);
  });
  return closing(socket, signal);
}

function feed(socket: WebSocket, signal: AbortSignal, input: string) {
  socket.on('open', () => {
    if (input !== '') socket.send(Buffer.from(input));
    socket.close();
  });
  return closing(socket, signal);
}
