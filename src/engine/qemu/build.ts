// A build machine: boots an overlay on the parent, runs one recipe in it, and is gone. It never
// outlives its build: what a dead server left of one is ended and removed before the step is tried
// again.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { consoleReason } from '../../domain/console.ts';
import { failedForGood, failedForNow } from '../../domain/error.ts';
import { exists, moveDurably } from '../../lib/files.ts';
import { killGroup } from '../../lib/spawn.ts';
import type { BuildResult, BuildSpec } from '../port/builds.ts';
import { qemuArgs } from './command.ts';
import { type Cage, type Caged, caged } from './confine.ts';
import { createOverlay, makeImmutable, storedBytes } from './disk-file.ts';
import { giveTo, type Host, prepareFolders } from './host.ts';
import { OutputTail } from './output-tail.ts';
import { endProcess, findProcess, type Own, processName } from './process.ts';
import { diskFull } from './qemu-img.ts';
import { type JsonSocket, openMonitor } from './qmp.ts';
import { exitMark, writeBuildSeed } from './seed.ts';

const outputBytesMax = 16 * 1024 * 1024;
const powerOffMs = 60_000;
const memoryMb = 1024;
const consoleBytes = 16_384;
const consolePollMs = 1000;
const consoleReadsMax = 600;

interface Outcome {
  exitCode: number | null;
  output: string;
  /** The end of what the guest showed on its console. */
  console: string;
  /** Why it was ended before it ended by itself; the first cause counts. */
  ended: 'aborted' | 'timeout' | 'output' | 'disk-full' | 'no-power-off' | null;
}

export async function buildLayer(
  spec: BuildSpec,
  signal: AbortSignal,
  context: Own & { host: Host },
): Promise<BuildResult> {
  const { host, paths, installation } = context;
  const user = host.guestUser('build', spec.layerId);
  const layer = paths.layer(spec.layerId);
  const sealed = async (output: string): Promise<BuildResult> => ({
    exitCode: 0,
    output,
    virtualBytes: spec.sizeBytes,
    storedBytes: await storedBytes(layer),
  });
  await removeBuild(spec.layerId, context);
  if (await exists(layer)) return sealed('');

  const [folder, run] = [paths.build(spec.layerId), paths.run('build', spec.layerId)];
  await prepareFolders(folder, []);
  try {
    // Written beside the disks, whose relative backing name is right for a layer too.
    const disk = join(paths.builds, `${spec.layerId}.qcow2`);
    await createOverlay(disk, paths.backing(spec.parentId), spec.sizeBytes, user, signal);
    const token = randomBytes(16).toString('hex');
    await writeBuildSeed(folder, spec.layerId, spec.recipe, paths.file, token, user.path);
    await mkdir(run, { mode: 0o700 });
    await giveTo(user, run);
    const seed = join(folder, 'seed.iso');
    const guest = {
      ...spec,
      name: processName(installation, 'build', spec.layerId),
      disk: paths.fromGuest(disk),
      seed: paths.fromGuest(seed),
      cpus: 2,
      memoryMb,
      build: true,
      network: spec.recipe.network,
    };
    const cage: Cage = {
      user,
      cwd: run,
      readable: [...paths.chain(spec), seed],
      writable: [run, disk],
      network: spec.recipe.network,
      kvm: host.accel === 'kvm',
      mortal: true,
    };
    const command = await caged(cage, 'qemu-system-x86_64', qemuArgs(guest, host, paths)).catch(
      (error) => {
        throw failedForNow('QEMU cannot be started.', { detail: String(error) });
      },
    );
    const outcome = await runGuest(command, run, exitMark(token), spec.recipe.timeoutMs, signal);
    if (outcome.exitCode === 0 && outcome.ended === null) {
      await makeImmutable(disk);
      await moveDurably(disk, layer);
      return sealed(outcome.output);
    }
    if (outcome.ended === 'aborted') signal.throwIfAborted();
    return refuse(outcome, spec);
  } finally {
    await removeBuild(spec.layerId, context);
  }
}

function refuse({ exitCode, output, console, ended }: Outcome, spec: BuildSpec): BuildResult {
  // Before the recipe printed anything, the console says how far its machine got.
  const last = output.trim() === '' ? consoleReason(console) : lastLines(output);
  const shown = { output: output.trim() === '' ? console : output };
  const seconds = Math.round(spec.recipe.timeoutMs / 1000);
  if (ended === 'disk-full') throw diskFull(`while building ${spec.label}`);
  if (ended === 'timeout')
    throw failedForGood(
      `${spec.label} was not done within its limit of ${seconds} s.${last}`,
      shown,
    );
  if (ended === 'output')
    throw failedForGood(
      `${spec.label} printed more than ${outputBytesMax} bytes while installing; make its script quieter.`,
    );
  if (exitCode === null || exitCode === 0) {
    throw failedForNow(`The build machine of ${spec.label} ended before its script did.${last}`, {
      detail: output,
      ...shown,
    });
  }
  return { exitCode, output, virtualBytes: 0, storedBytes: 0 };
}

function lastLines(output: string): string {
  const lines = output.trimEnd().split('\n').slice(-5).join('\n');
  return lines === '' ? '' : ` Its last lines:\n${lines}`;
}

async function runGuest(
  { file, args, options }: Caged,
  run: string,
  mark: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Outcome> {
  const output = new OutputTail();
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
    if (output.bytes > outputBytesMax) end('output');
    if (powerOff === undefined && output.tail().includes(mark)) {
      // The guest has said all it has to; it writes back its disk and goes.
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
 * Reads the console until the monitor is closed or `read` has enough: what is in its ring goes with
 * the machine.
 */
async function followConsole(monitor: JsonSocket, read: (text: string) => boolean): Promise<void> {
  for (let reads = 0; reads < consoleReadsMax; reads++) {
    const ring = { device: 'console', size: consoleBytes };
    const text = await monitor.call('ringbuf-read', ring, 5000).catch(() => null);
    if (typeof text !== 'string' || !read(text)) return;
    await new Promise((resolve) => setTimeout(resolve, consolePollMs));
  }
}

/** Ends and removes what is left of a build. Nothing happens when nothing is. */
export async function removeBuild(layerId: BuildSpec['layerId'], own: Own): Promise<void> {
  const { paths } = own;
  const found = await findProcess(own, 'build', layerId);
  if (found) await endProcess(found);
  for (const path of [paths.build(layerId), paths.run('build', layerId)])
    await rm(path, { recursive: true, force: true });
  await rm(join(paths.builds, `${layerId}.qcow2`), { force: true });
}
