// Saves the state of a guest's devices in a file, without its memory, and restores it. QEMU may
// start no program and open no file of the server's, so it sends the state to a socket that only it
// can reach, and reads it from a descriptor.

import { once } from 'node:events';
import { open, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { failedForNow } from '../../domain/error.ts';
import { systemClock } from '../../lib/clock.ts';
import { syncPath } from '../../lib/files.ts';
import { giveTo, type Host } from './host.ts';
import { endProcess, findProcess, type Own, waitGone } from './process.ts';
import { type JsonSocket, openMonitor } from './qmp.ts';
import type { Throwaway } from './throwaway.ts';

const [monitorMs, limitMs, quitMs, pollMs] = [5000, 60_000, 10_000, 5];
/** Without memory it has half a megabyte. */
const stateBytesMax = 64 * 1024 ** 2;
/** The name that QEMU gives the option: memory which other processes can see is not sent. */
const withoutMemory = { capabilities: [{ capability: 'x-ignore-shared', state: true }] };

/** Pauses the machine, writes its state into a file, which is synced, and ends it. */
export async function saveState(
  { id, monitor: path }: Throwaway,
  to: string,
  signal: AbortSignal,
  context: Own & { host: Host },
): Promise<void> {
  const { host, paths } = context;
  // Only the server writes to this folder, so the name is that of its socket.
  const folder = paths.build(id);
  const socket = join(folder, 'state.sock');
  const receiver = await receive(folder, to);
  const monitor = await openMonitor(path, monitorMs);
  try {
    await giveTo(host.guestUser('build', id), socket);
    const ask = (execute: string, args?: Record<string, unknown>) =>
      monitor.call(execute, args, monitorMs);
    await ask('stop');
    await ask('migrate-set-capabilities', withoutMemory);
    await ask('migrate', { uri: `unix:${paths.fromGuest(socket)}` });
    await completed(monitor, signal);
    await receiver.whole(signal);
    await ask('quit').catch(() => {});
  } finally {
    monitor.close();
    receiver.close();
    await rm(socket, { force: true });
  }
  const found = await findProcess(context, 'build', id);
  if (found && !(await waitGone(found, quitMs, signal))) await endProcess(found);
}

/** Lets a clone read its state, and resolves when it is restored and the guest is paused. */
export async function restoreState(
  monitor: JsonSocket,
  descriptor: number,
  signal: AbortSignal,
): Promise<void> {
  await monitor.call('migrate-set-capabilities', withoutMemory, monitorMs);
  await monitor.call('migrate-incoming', { uri: `fd:${descriptor}` }, monitorMs);
  await completed(monitor, signal);
}

/** Waits until a migration is completed. */
async function completed(monitor: JsonSocket, signal: AbortSignal): Promise<void> {
  const end = performance.now() + limitMs;
  while (performance.now() < end) {
    const answer = await monitor.call('query-migrate', undefined, monitorMs);
    const { status } = (answer ?? {}) as { status?: unknown };
    if (status === 'completed') return;
    if (status === 'failed' || status === 'cancelled')
      throw failedForNow('The state of a machine could not be moved.', {
        detail: JSON.stringify(answer).slice(0, 500),
      });
    await systemClock.sleep(pollMs, signal);
  }
  throw failedForNow('The state of a machine was not moved in time.');
}

/** Takes the bytes of one connection into a file. */
async function receive(folder: string, to: string) {
  const directory = await open(folder, 'r');
  const file = await open(to, 'w', 0o600);
  let [bytes, failure]: [number, unknown] = [0, null];
  let sender: Socket | null = null;
  const ended = Promise.withResolvers<void>();
  const server: Server = createServer((socket) => {
    if (sender !== null) return socket.destroy();
    sender = socket;
    const take = async () => {
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > stateBytesMax) throw new Error(`it has more than ${stateBytesMax} bytes`);
        await file.writeFile(chunk);
      }
      await file.sync();
    };
    take().then(ended.resolve, (error) => {
      failure = error;
      socket.destroy();
      ended.resolve();
    });
    return undefined;
  });
  // The kernel takes names of up to 107 bytes, and a data directory may lie deeper.
  server.listen(`/proc/self/fd/${directory.fd}/state.sock`);
  await once(server, 'listening');
  return {
    /** Resolves when the file is whole. */
    async whole(signal: AbortSignal): Promise<void> {
      signal.throwIfAborted();
      const over = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
      over.addEventListener('abort', () => ended.resolve(), { once: true });
      await ended.promise;
      if (failure !== null) throw failure;
      over.throwIfAborted();
      await syncPath(join(to, '..'));
    },
    close() {
      server.close();
      sender?.destroy();
      file.close().catch(() => {});
      directory.close().catch(() => {});
    },
  };
}
