// Copies for a backup: layers and recipes' files, which never change, as hard links where the folder lies on the same file system; disks
// as reflinks where it can, else byte by byte. The disk of a machine that is on is written out by its own QEMU, as of one moment.

import { constants } from 'node:fs';
import { copyFile, link, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { failedForNow } from '../../domain/error.ts';
import type { MachineId } from '../../domain/ids.ts';
import { exists, statOrNull, syncPath } from '../../lib/files.ts';
import type { BackupSpec } from '../port.ts';
import type { Host } from './host.ts';
import { createOverlay, diskFull } from './image-file.ts';
import { type Paths, pathsIn } from './paths.ts';
import { findProcess, hasDisk, processName } from './process.ts';
import { monitorCall } from './qmp.ts';

const monitorMs = 10_000;
const pollMs = 100;
const copyTriesMax = 5;
const folderMode = 0o711;

interface Context {
  host: Host;
  paths: Paths;
  installation: string;
}

export async function backUp(spec: BackupSpec, signal: AbortSignal, context: Context): Promise<string[]> {
  const { paths } = context;
  const target = pathsIn(spec.folder);
  for (const folder of target.folders) await mkdir(folder, { recursive: true, mode: folderMode });
  // What an earlier backup left when it was killed.
  for (const name of await readdir(paths.builds))
    if (name.startsWith('backup-')) await rm(join(paths.builds, name), { force: true });
  const missing: string[] = [];
  try {
    // Disks before layers: a capture in between turns a disk into a layer, which is then still to come.
    for (const disk of spec.disks) {
      signal.throwIfAborted();
      if (!(await copyDisk(disk, target.disk(disk.diskId), context, signal))) missing.push(disk.diskId);
    }
    for (const id of spec.layers) {
      signal.throwIfAborted();
      if (!(await shareFile(paths.layer(id), target.layer(id)))) missing.push(id);
      for (const [from, to] of [
        [paths.kernel(id), target.kernel(id)],
        [paths.initrd(id), target.initrd(id)],
      ] as const)
        await shareFile(from, to);
    }
    for (const sha256 of spec.files) {
      if (!(await shareFile(paths.file(sha256), target.file(sha256)))) missing.push(sha256);
    }
    for (const folder of target.folders) await syncPath(folder);
    return missing;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw diskFull(String(error));
    throw error;
  }
}

const uncopied = (machineId: MachineId, detail: string) =>
  failedForNow(`The disk of machine ${machineId} could not be copied; try again, or stop the machine first.`, {
    detail,
  });

/** Two names for the same bytes, or a copy where that cannot be. False when there is no such file. */
async function shareFile(from: string, to: string): Promise<boolean> {
  const [source, there] = [await statOrNull(from), await statOrNull(to)];
  if (!source) return false;
  // A layer that was rewritten since is another file of another size or time.
  if (there && (there.ino === source.ino || (there.size === source.size && there.mtimeMs >= source.mtimeMs)))
    return true;
  await rm(to, { force: true });
  try {
    await link(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'EMLINK') throw error;
    await copyWhole(from, to);
  }
  return true;
}

async function copyWhole(from: string, to: string): Promise<void> {
  const part = `${to}.part`;
  await copyFile(from, part, constants.COPYFILE_FICLONE);
  await syncPath(part);
  await rename(part, to);
}

async function copyDisk(
  disk: BackupSpec['disks'][number],
  to: string,
  context: Context,
  signal: AbortSignal,
): Promise<boolean> {
  const { paths, installation } = context;
  const from = paths.disk(disk.diskId);
  const findMachine = () => findProcess(installation, processName(installation, 'machine', disk.machineId));
  for (let tries = 0; tries < copyTriesMax; tries++) {
    signal.throwIfAborted();
    const running = await findMachine();
    if (running && hasDisk(running, disk.diskId)) {
      if (await copyRunning(disk, to, context, signal)) return true;
      continue;
    }
    if (!(await exists(from))) return false;
    const before = await stat(from);
    await copyWhole(from, to);
    const after = await statOrNull(from);
    // Somebody started or captured the machine meanwhile: what was copied may be of two moments.
    if (after?.mtimeMs === before.mtimeMs && after.ino === before.ino && !(await findMachine())) return true;
  }
  throw uncopied(disk.machineId, `it changed ${copyTriesMax} times while it was copied`);
}

/** QEMU writes the disk as it is at this moment beside its own, while the guest goes on. False when the machine went off. */
async function copyRunning(
  { diskId, layerId, machineId, sizeBytes }: BackupSpec['disks'][number],
  to: string,
  { host, paths }: Context,
  signal: AbortSignal,
): Promise<boolean> {
  const part = join(paths.builds, `backup-${diskId}.qcow2`);
  const monitor = join(paths.machine(machineId), 'qmp.sock');
  const job = `backup-${diskId}`;
  const call = (name: string, args?: Record<string, unknown>) => monitorCall(monitor, name, args, monitorMs);
  try {
    await createOverlay(part, paths.backing(layerId), sizeBytes, host.user);
    await call('drive-backup', {
      ...{ 'job-id': job, device: 'disk', target: paths.fromGuest(part), format: 'qcow2' },
      ...{ sync: 'top', mode: 'existing', 'auto-dismiss': false },
    });
    while (true) {
      const jobs = (await call('query-jobs')) as { id: string; status: string; error?: string }[];
      const mine = jobs.find(({ id }) => id === job);
      if (!mine) throw uncopied(machineId, `the job ${job} is lost`);
      if (mine.status === 'concluded') {
        await call('job-dismiss', { id: job });
        if (mine.error !== undefined) throw uncopied(machineId, mine.error);
        break;
      }
      if (signal.aborted) await call('job-cancel', { id: job });
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
    signal.throwIfAborted();
    await copyWhole(part, to);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (!(await exists(monitor))) return false;
    throw error;
  } finally {
    await rm(part, { force: true });
  }
}
