// Starts the QEMU process of a machine, which outlives the server, and waits until its monitor
// answers.

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { failedForNow, noRoomForNow } from '../../domain/error.ts';
import { systemClock } from '../../lib/clock.ts';
import { OutputTail } from '../../lib/output-tail.ts';
import { killGroup } from '../../lib/spawn.ts';
import { type Cage, caged } from './confine.ts';
import { monitorCall } from './qmp.ts';

const startMs = 20_000;
const monitorMs = 5000;
const [firstPollMs, pollMs] = [5, 50];
const detailCharsMax = 2000;

/**
 * Resolves when the process answers on its monitor. Throws `no_capacity` when the host has too
 * little memory and `unavailable` when the process did not come up; it is ended then, and when the
 * signal aborts. The process gets the given descriptors as 3, 4 and so on.
 */
export async function launch(
  args: string[],
  cage: Cage,
  signal: AbortSignal,
  descriptors: readonly number[] = [],
): Promise<void> {
  const { file, args: all, options } = await caged(cage, 'qemu-system-x86_64', args);
  const child = spawn(file, all, {
    ...options,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', ...descriptors],
  });
  const said = new OutputTail();
  child.stderr?.on('data', (chunk: Buffer) => said.push(chunk));
  const ended = endOf(child);
  child.unref();
  try {
    if (await isUp(join(cage.cwd, 'qmp.sock'), ended, signal)) return;
  } catch (error) {
    killGroup(child);
    throw error;
  } finally {
    // Read no more of its messages, because a guest can make it print without end.
    child.stderr?.destroy();
  }
  killGroup(child);
  const why = ended() ?? 'the monitor did not answer';
  const detail = `${why}: ${said.toString().slice(-detailCharsMax)}`;
  if (/Cannot allocate memory/i.test(detail)) {
    throw noRoomForNow(
      'The host has not enough memory to start this machine; stop another one first.',
      { detail },
    );
  }
  throw failedForNow('The machine could not be started: QEMU did not come up.', { detail });
}

/** Tells why the process has ended; null while it has not. */
function endOf(child: ChildProcess): () => string | null {
  let failure: string | null = null;
  child.once('error', (error) => {
    failure = String(error);
  });
  child.once('exit', (code, signal) => {
    failure ??= `QEMU ended with ${code ?? signal}`;
  });
  return () => failure;
}

async function isUp(monitor: string, ended: () => string | null, signal: AbortSignal) {
  const end = Date.now() + startMs;
  for (let waitMs = firstPollMs; Date.now() < end && ended() === null; waitMs *= 2) {
    const up = await monitorCall(monitor, 'query-status', undefined, monitorMs).catch(() => null);
    if (up !== null) return true;
    await systemClock.sleep(Math.min(waitMs, pollMs), signal);
  }
  return false;
}
