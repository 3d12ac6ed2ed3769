// The QEMU process of a build, from its start to its end: the guest's output on the result channel
// and on the console, and the reasons for an early end.

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { failedForNow } from '../../domain/error.ts';
import { outputLines } from '../../lib/output-lines.ts';
import { OutputTail } from '../../lib/output-tail.ts';
import { killGroup } from '../../lib/spawn.ts';
import type { Caged } from './confine.ts';
import { type JsonSocket, openMonitor } from './qmp.ts';

export const outputBytesMax = 16 * 1024 * 1024;
const powerOffMs = 60_000;
const consoleBytes = 16_384;
const consolePollMs = 1000;
const consoleReadsMax = 600;

export interface Outcome {
  exitCode: number | null;
  output: string;
  /** The end of the guest's console output. */
  console: string;
  /** Why it was ended, when it did not end by itself; the first cause counts. */
  ended: 'aborted' | 'timeout' | 'output' | 'disk-full' | 'no-power-off' | null;
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
  const child = spawn(file, args, {
    ...options,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
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

  child.stdout.on('data', (chunk: Buffer) => {
    output.push(chunk);
    lines(chunk);
    if (output.bytes > outputBytesMax) end('output');
    if (powerOff === undefined && output.tail().includes(mark)) {
      // The guest has reported. It writes back its disk and powers off.
      powerOff = setTimeout(() => end('no-power-off'), powerOffMs);
    }
  });
  child.stderr.on('data', (chunk: Buffer) => {
    messages.push(chunk);
    if (messages.bytes > outputBytesMax) end('output');
  });
  const exited = waitExit(child);
  const watching = watchDisk(join(run, 'qmp.sock'), child, () => end('disk-full')).then(
    async (opened) => {
      monitor = opened;
      if (opened)
        await followConsole(opened, (text) => {
          console = (console + text).slice(-consoleBytes);
          return output.bytes === 0;
        });
    },
  );
  try {
    const code = await exited;
    const text = output.toString();
    const match = new RegExp(`${mark}([0-9]+)\\n`).exec(output.tail());
    const shown = text.replace(new RegExp(`\\n?${mark}[0-9]+\\n$`), '');
    return {
      exitCode: match ? Number(match[1]) : null,
      output: match || code === 0 ? shown : `${shown}${messages.toString()}`,
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

function waitExit(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) =>
      reject(failedForNow('QEMU cannot be started.', { detail: String(error) })),
    );
    child.once('close', (code) => resolve(code));
  });
}

const connectTries = 100;

/** Listens for the pause that a full host disk causes. */
async function watchDisk(
  socket: string,
  child: ChildProcess,
  onFull: () => void,
): Promise<JsonSocket | undefined> {
  for (
    let tries = 0;
    tries < connectTries && child.exitCode === null && child.signalCode === null;
    tries++
  ) {
    try {
      return await openMonitor(socket, 5000, (event) => {
        const data = event.data as { nospace?: boolean } | undefined;
        if (event.event === 'BLOCK_IO_ERROR' && data?.nospace) onFull();
      });
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return undefined;
}

/**
 * Reads the console until the monitor is closed or `read` returns false, because the ring that
 * keeps the console ends with the machine.
 */
async function followConsole(monitor: JsonSocket, read: (text: string) => boolean): Promise<void> {
  for (let reads = 0; reads < consoleReadsMax; reads++) {
    const ring = { device: 'console', size: consoleBytes };
    const text = await monitor.call('ringbuf-read', ring, 5000).catch(() => null);
    if (typeof text !== 'string' || !read(text)) return;
    await new Promise((resolve) => setTimeout(resolve, consolePollMs));
  }
}
