// The QEMU process of a build, from its start to its end: the guest's output on the result channel
// and on the console, and the reasons for an early end.

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { failedForNow } from '../../domain/error.ts';
import { outputLines } from '../../lib/output-lines.ts';
import { OutputTail } from '../../lib/output-tail.ts';
import { killGroup } from '../../lib/spawn.ts';
import { resultFd } from './command.ts';
import type { Caged } from './confine.ts';
import { type JsonSocket, type Message, openMonitor } from './qmp.ts';

export const outputBytesMax = 16 * 1024 * 1024;
const powerOffMs = 60_000;
const consoleBytes = 16_384;
const consolePollMs = 1000;

export interface Outcome {
  exitCode: number | null;
  /** How many processes the guest's kernel ended because its memory was full. */
  oomKills: number;
  output: string;
  /** The end of the guest's console output. */
  console: string;
  /** Why it was ended, when it did not end by itself; the first cause counts. */
  ended: 'aborted' | 'timeout' | 'output' | 'disk-full' | 'no-power-off' | 'panic' | null;
  /** The guest's own reason for its end, such as `guest-reset`; null when it gave none. */
  shutdown: string | null;
}

interface GuestOptions {
  /** The text before the exit status, which the guest prints last. */
  mark: string;
  timeoutMs: number;
  onLine?: ((line: string) => void) | undefined;
}

export async function runGuest(
  { file, args, options }: Caged,
  run: string,
  { mark, timeoutMs, onLine = () => {} }: GuestOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  const output = new OutputTail();
  const lines = outputLines(onLine, (line) => line.startsWith(mark));
  const messages = new OutputTail();
  let ended: Outcome['ended'] = null;
  let monitor: JsonSocket | undefined;
  let powerOff: NodeJS.Timeout | undefined;
  let shutdown: string | null = null;
  const child = spawn(file, args, {
    ...options,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  let console = '';
  const end = (cause: NonNullable<Outcome['ended']>) => {
    ended ??= cause;
    killGroup(child);
  };
  const timer = setTimeout(() => end('timeout'), timeoutMs);
  const abort = () => end('aborted');
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });

  const take = (chunk: Buffer) => {
    output.push(chunk);
    lines(chunk);
    if (output.bytes > outputBytesMax) end('output');
    if (powerOff === undefined && output.tail().includes(mark)) {
      // The guest has reported. It writes back its disk and powers off.
      powerOff = setTimeout(() => end('no-power-off'), powerOffMs);
    }
  };
  // A guest whose kernel knows no virtio port speaks on the serial port.
  for (const channel of [child.stdout, child.stdio[resultFd]]) {
    channel?.on('data', take);
    channel?.on('error', () => {});
  }
  child.stderr?.on('data', (chunk: Buffer) => {
    messages.push(chunk);
    if (messages.bytes > outputBytesMax) end('output');
  });
  const exited = waitExit(child);
  const onEvent = ({ event, data }: Message) => {
    const { nospace, reason } = (data ?? {}) as { nospace?: unknown; reason?: unknown };
    if (event === 'BLOCK_IO_ERROR' && nospace === true) end('disk-full');
    if (event === 'GUEST_PANICKED') end('panic');
    if (event === 'SHUTDOWN') shutdown = String(reason).slice(0, 100);
  };
  const watching = watch(join(run, 'qmp.sock'), child, onEvent).then(async (opened) => {
    monitor = opened;
    if (opened)
      await followConsole(opened, (text) => {
        console = (console + text).slice(-consoleBytes);
        if (console.includes('Kernel panic - not syncing')) end('panic');
      });
  });
  try {
    const code = await exited;
    const told = outcomeIn(output, mark);
    const hasTold = told.exitCode !== null || code === 0;
    return {
      ...told,
      shutdown,
      output: hasTold ? told.output : `${told.output}${messages.toString()}`,
      console,
      ended,
    };
  } finally {
    clearTimeout(timer);
    clearTimeout(powerOff);
    signal.removeEventListener('abort', abort);
    monitor?.close();
    await watching;
    monitor?.close();
  }
}

/** What the output of a build tells, with the report at its end. */
export function outcomeIn(
  output: OutputTail,
  mark: string,
): Pick<Outcome, 'exitCode' | 'oomKills' | 'output'> {
  const match = new RegExp(`${mark}([0-9]+)(?: ([0-9]+))?\\n`).exec(output.tail());
  return {
    exitCode: match ? Number(match[1]) : null,
    oomKills: Number(match?.[2] ?? 0),
    output: output.toString().replace(new RegExp(`\\n?${mark}[0-9 ]+\\n$`), ''),
  };
}

function waitExit(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) =>
      reject(failedForNow('QEMU cannot be started.', { detail: String(error) })),
    );
    child.once('close', (code) => resolve(code));
  });
}

const connectTries = 100;

/** Listens for the pause that a full host disk causes, and for how the guest ends. */
async function watch(
  socket: string,
  child: ChildProcess,
  onEvent: (event: Message) => void,
): Promise<JsonSocket | undefined> {
  for (
    let tries = 0;
    tries < connectTries && child.exitCode === null && child.signalCode === null;
    tries++
  ) {
    try {
      return await openMonitor(socket, 5000, onEvent);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return undefined;
}

/** Reads the console until the monitor is closed, because its ring ends with the machine. */
async function followConsole(monitor: JsonSocket, read: (text: string) => void): Promise<void> {
  while (true) {
    const ring = { device: 'console', size: consoleBytes };
    const text = await monitor.call('ringbuf-read', ring, 5000).catch(() => null);
    if (typeof text !== 'string') return;
    read(text);
    await new Promise((resolve) => setTimeout(resolve, consolePollMs));
  }
}
