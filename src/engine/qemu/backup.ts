// Makes the copies of a backup. Layers and files of recipes never change, so they become hard links
// where the folder lies on the same file system. Disks become reflinks where the file system can,
// else they are copied byte by byte. The disk of a machine that is on is written out by its own
// QEMU, as of one moment.

import { constants } from 'node:fs';
import { link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { failedForNow } from '../../domain/error.ts';
import type { MachineId } from '../../domain/ids.ts';
import { copySparse, statOrNull, syncPath } from '../../lib/files.ts';
import { newId } from '../../lib/new-id.ts';
import type { BackupSpec } from '../optional/backup.ts';
import { createOverlay } from './disk-file.ts';
import { copyDiskState } from './firmware-state.ts';
import type { Host } from './host.ts';
import { type Paths, pathsIn } from './paths.ts';
import { type Found, findProcess, hasDisk, type Own, ownerOf } from './process.ts';
import { monitorCall, openMonitor } from './qmp.ts';

const monitorMs = 10_000;
const pollMs = 100;
const copyTriesMax = 10;
const againMs = 500;
const forgottenMs = 24 * 3600_000;
const folderMode = 0o711;

type Context = Own & { host: Host };

export async function backUp(
  spec: BackupSpec,
  signal: AbortSignal,
  context: Context,
): Promise<string[]> {
  await removeForgotten(context.paths);
  const { paths } = context;
  const target = pathsIn(spec.folder);
  for (const folder of target.folders) await mkdir(folder, { recursive: true, mode: folderMode });
  const missing: string[] = [];
  // Copy the disks before the layers: a capture in between turns a disk into a layer, which is
  // then still to be copied.
  for (const disk of spec.disks) {
    signal.throwIfAborted();
    if (!(await copyDisk(disk, target.disk(disk.diskId), context, signal)))
      missing.push(disk.diskId);
    await copyDiskState(paths.diskState(disk.diskId), target.diskState(disk.diskId));
  }
  for (const id of spec.layers) {
    signal.throwIfAborted();
    if (!(await shareFile(paths.layer(id), target.layer(id), signal))) missing.push(id);
    const [state, copy] = [paths.layerState(id), target.layerState(id)];
    for (const [from, to] of [
      [state.variables, copy.variables],
      [state.tpm, copy.tpm],
      [paths.kernel(id), target.kernel(id)],
      [paths.initrd(id), target.initrd(id)],
    ] as const)
      await shareFile(from, to, signal);
  }
  for (const sha256 of spec.files) {
    if (!(await shareFile(paths.file(sha256), target.file(sha256), signal))) missing.push(sha256);
  }
  for (const folder of target.folders) await syncPath(folder);
  return missing;
}

/**
 * Removes the files of backups that were killed. Newer files may belong to a backup that is under
 * way beside this one, so they stay.
 */
async function removeForgotten({ builds }: Paths): Promise<void> {
  for (const name of await readdir(builds)) {
    const path = join(builds, name);
    const found = name.startsWith('backup-') ? await statOrNull(path) : null;
    if (found && Date.now() - found.mtimeMs > forgottenMs) await rm(path, { force: true });
  }
}

const uncopied = (machineId: MachineId, detail: string) =>
  failedForNow(
    `The disk of machine ${machineId} could not be copied; try again, or stop the machine first.`,
    {
      detail,
    },
  );

/**
 * Gives the same bytes a second name, or copies them where the file system cannot. False when there
 * is no such file.
 */
async function shareFile(from: string, to: string, signal: AbortSignal): Promise<boolean> {
  const [source, there] = [await statOrNull(from), await statOrNull(to)];
  if (!source) return false;
  // A layer that was rewritten since then is another file, with another size or time.
  if (
    there &&
    (there.ino === source.ino || (there.size === source.size && there.mtimeMs >= source.mtimeMs))
  )
    return true;
  await rm(to, { force: true });
  try {
    await link(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'EMLINK') throw error;
    await copyWhole(from, to, signal);
  }
  return true;
}

/**
 * Copies a file that a guest may have replaced by something else: it follows no link and waits for
 * no pipe.
 */
async function copyWhole(from: string, to: string, signal: AbortSignal): Promise<void> {
  const part = `${to}.part`;
  const source = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await source.stat()).isFile())
      throw failedForNow('A disk could not be copied.', { detail: `${from} is no file` });
    await copySparse(`/proc/${process.pid}/fd/${source.fd}`, part, signal);
  } finally {
    await source.close();
  }
  await syncPath(part);
  await rename(part, to);
}

async function copyDisk(
  disk: BackupSpec['disks'][number],
  to: string,
  context: Context,
  signal: AbortSignal,
): Promise<boolean> {
  const from = context.paths.disk(disk.diskId);
  let why = '';
  for (let tries = 0; tries < copyTriesMax; tries++) {
    if (tries > 0) await new Promise((resolve) => setTimeout(resolve, againMs));
    signal.throwIfAborted();
    const running = await inUse(disk, context);
    if (running) {
      const refused = await copyRunning(disk, running, to, context, signal);
      if (refused === null) return true;
      why = refused;
      continue;
    }
    const before = await statOrNull(from);
    if (!before) return false;
    await copyWhole(from, to, signal);
    const after = await statOrNull(from);
    // The machine may have been started or captured meanwhile, so the copy may mix two moments.
    if (
      after?.mtimeMs === before.mtimeMs &&
      after.ino === before.ino &&
      !(await inUse(disk, context))
    )
      return true;
  }
  throw uncopied(
    disk.machineId,
    `it could not be copied ${copyTriesMax} times, because it changed or: ${why}`,
  );
}

/**
 * The monitor of a machine does not answer or refuses, because the machine is going off, is coming
 * up, or is being copied already.
 */
class NotNow extends Error {}

/**
 * The process of the disk's machine when it runs on this very disk. A machine on another disk does
 * not touch its kept disks.
 */
async function inUse(
  { diskId, machineId }: BackupSpec['disks'][number],
  own: Own,
): Promise<Found | undefined> {
  const running = await findProcess(own, 'machine', machineId);
  return running && hasDisk(running, diskId) ? running : undefined;
}

/**
 * The folder that a machine sees as the folder of builds. A machine that an earlier version
 * started, or that is not confined, sees the folder of builds itself.
 */
export async function copiesOf({ pid, id }: Found, { paths }: Own): Promise<string> {
  const [its, ours] = await Promise.all([stat(`/proc/${pid}/root`), stat('/')]);
  return its.ino === ours.ino && its.dev === ours.dev
    ? paths.builds
    : join(paths.machine(Number(id) as MachineId), 'copies');
}

/** Parses a monitor's answer about its jobs. The answer is not trusted to have any shape. */
const jobsIn = (answer: unknown) =>
  (Array.isArray(answer) ? answer : []).map((job) => {
    const { id, status, error } = (job ?? {}) as Record<string, unknown>;
    return {
      id: typeof id === 'string' ? id : '',
      status,
      ...(typeof error === 'string' && { error }),
    };
  });

/**
 * Begins a backup job unless another job of this machine is under way; tells whether it did. QEMU
 * 7.2 ends with a failed assertion, and the guest with it, when one job begins while another one
 * begins or ends. A monitor serves one connection at a time, so on one connection nobody else comes
 * between the look and the order.
 */
async function beginAlone(path: string, order: Record<string, unknown>): Promise<boolean> {
  const monitor = await openMonitor(path, monitorMs);
  try {
    const jobs = jobsIn(await monitor.call('query-jobs', undefined, monitorMs));
    if (jobs.some(({ status }) => status !== 'concluded')) return false;
    await monitor.call('drive-backup', order, monitorMs);
    return true;
  } finally {
    monitor.close();
  }
}

/** Lets QEMU copy the disk as of this moment into a second file, while the guest keeps running.
 * Resolves to null, or to the reason why that cannot be done now.
 */
async function copyRunning(
  disk: BackupSpec['disks'][number],
  running: Found,
  to: string,
  context: Context,
  signal: AbortSignal,
): Promise<string | null> {
  const { diskId, layerId, machineId, sizeBytes } = disk;
  const { host, paths } = context;
  // Another backup may be copying the same disk. Each has a file and a QEMU job of its own, and
  // they run one after the other.
  const job = `backup-${diskId}-${newId()}`;
  const empty = join(paths.builds, `${job}.qcow2`);
  const monitor = join(running.folder, 'qmp.sock');
  const notNow = (error: unknown) => {
    throw new NotNow(String(error));
  };
  const call = (name: string, args?: Record<string, unknown>) =>
    monitorCall(monitor, name, args, monitorMs).catch(notNow);
  let part = empty;
  try {
    const user = host.user.ids === null ? host.user : { ...host.user, ids: await ownerOf(running) };
    await createOverlay(empty, paths.backing(layerId), sizeBytes, user, signal);
    part = join(await copiesOf(running, context), `${job}.qcow2`);
    await rename(empty, part);
    const order = {
      ...{ 'job-id': job, device: 'disk', target: paths.fromGuest(empty), format: 'qcow2' },
      ...{ sync: 'top', mode: 'existing', 'auto-dismiss': false },
    };
    while (!(await beginAlone(monitor, order).catch(notNow))) {
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
    while (true) {
      const mine = jobsIn(await call('query-jobs')).find(({ id }) => id === job);
      if (!mine) throw new NotNow(`the job ${job} is lost`);
      if (mine.status === 'concluded') {
        await call('job-dismiss', { id: job });
        if (mine.error !== undefined) throw uncopied(machineId, mine.error);
        break;
      }
      if (signal.aborted) await call('job-cancel', { id: job });
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
    signal.throwIfAborted();
    await copyWhole(part, to, signal);
    return null;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof NotNow) return error.message;
    throw error;
  } finally {
    for (const path of [empty, part]) await rm(path, { force: true });
  }
}
