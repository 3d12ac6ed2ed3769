// The embedded engine: qcow2 files and QEMU processes on this host. A layer is an overlay that was
// closed and is never opened for writing again, so a capture is a rename and an assignment is an
// empty file: constant time, whatever the size of the disk.

import { constants } from 'node:fs';
import { copyFile, mkdir, readdir, realpath, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, failedForGood, failedForNow, invalid } from '../../domain/error.ts';
import { assertRoom } from '../../domain/host.ts';
import type { DiskId, LayerId } from '../../domain/ids.ts';
import { copySparse, exists, moveDurably, sha256File, statOrNull } from '../../lib/files.ts';
import { Revert } from '../../lib/revert.ts';
import { systemPath } from '../../lib/spawn.ts';
import type { DiskSpec } from '../port/disks.ts';
import type { Engine } from '../port/engine.ts';
import type { BaseFiles, ImportedBase } from '../port/layers.ts';
import { backUp } from './backup.ts';
import { bootFault } from './boot.ts';
import { buildLayer, removeBuild } from './build.ts';
import {
  type Confining,
  defaultConfining,
  giveTo,
  type Host,
  prepareFolders,
  probeHost,
} from './host.ts';
import {
  assertUnused,
  contentBytes,
  convertForeignDisk,
  createOverlay,
  inspectForeignDisk,
  makeImmutable,
  makeWritable,
  storedBytes,
} from './image-file.ts';
import { Machines } from './machine.ts';
import type { Paths } from './paths.ts';
import { processesIn } from './process.ts';
import { rewriteLayer } from './rewrite.ts';
import { capacityOf, withinRoom } from './room.ts';
import { tidy } from './tidy.ts';
import { exportLayer, importLayer } from './transfer.ts';

export interface QemuOptions {
  /** The engine's own folder; made when it is not there. */
  root: string;
  /**
   * Whether machines reach the network. Off by default: a guest with a network reaches the host's
   * loopback services too.
   */
  machineNetwork?: boolean;
  /** The id of the installation, by which its guests are known also when its folder is gone. */
  installation?: string;
  /** Folders in which QEMU and its tools are looked for, divided by colons. */
  path?: string;
  confining?: Confining;
}

const never = new AbortController().signal;

export async function openQemu({
  root: given,
  machineNetwork = false,
  ...options
}: QemuOptions): Promise<Engine> {
  const { path = systemPath, confining = defaultConfining } = options;
  await mkdir(given, { recursive: true });
  const root = await realpath(given);
  const wanted = { root, path, confining };
  const host = await probeHost(wanted);
  const own = processesIn(root, options.installation);
  const { paths } = own;
  await prepareFolders(root, paths.folders);
  const machines = new Machines(host, own, machineNetwork);
  const context = { host, ...own };

  return {
    name: 'qemu',
    capabilities: { constantTimeCapture: true, exec: true },
    async check() {
      await probeHost(wanted);
      await prepareFolders(root, paths.folders);
    },
    importBase: (layerId, files, signal = never) => importBase(layerId, files, signal, paths, host),
    importFile: (sha256, path) => importFile(sha256, path, paths),

    async ensureDisk({ diskId, layerId, sizeBytes }) {
      const path = paths.disk(diskId);
      if (await exists(path)) return;
      if (!(await exists(paths.layer(layerId))))
        throw failedForGood('The layer of this image is missing.', { detail: layerId });
      await createOverlay(path, paths.backing(layerId), sizeBytes, host.user);
    },
    exportLayer: (spec, signal) => exportLayer(spec, signal, paths, host),
    importLayer: (spec, signal) => importLayer(spec, signal, paths, host),
    bootFault: (root) => bootFault(root, paths),
    rewriteLayer: (spec, signal = never) => rewriteLayer(spec, signal, paths, host),
    sealDisk: (spec) => sealDisk(spec, paths, host),
    async unsealDisk(diskId, layerId) {
      const disk = paths.disk(diskId);
      if (await exists(paths.layer(layerId))) {
        await rm(disk, { force: true });
        await moveDurably(paths.layer(layerId), disk);
      }
      // Also what was made immutable, and not moved before its process died.
      if (await exists(disk)) await makeWritable(disk, host.user);
    },
    async removeDisk(diskId) {
      await rm(paths.disk(diskId), { force: true });
      await rm(`${paths.disk(diskId)}.part`, { force: true });
    },
    async removeLayer(layerId) {
      await removeBuild(layerId, context);
      for (const path of [paths.layer(layerId), paths.kernel(layerId), paths.initrd(layerId)])
        await rm(path, { force: true });
    },
    backUp: (spec, signal) => backUp(spec, signal, context),
    tidy: () => tidy(context),
    buildLayer: (spec, signal) => buildLayer(spec, signal, context),

    startMachine: (spec) => machines.start(spec),
    machineState: (id) => machines.state(id),
    console: (id) => machines.console(id),
    stopMachine: (id, graceMs) => machines.stop(id, graceMs),
    runningMachines: () => machines.running(),
    pausedMachines: () => machines.paused(),
    resumeMachine: (id) => machines.resume(id),
    exec: (id, command) => machines.exec(id, command),

    async inventory() {
      const sizes = async <Id extends string>(folder: string) => {
        const found = new Map<Id, number>();
        for (const name of await readdir(folder)) {
          const size = name.endsWith('.qcow2') ? await statOrNull(join(folder, name)) : null;
          if (size) found.set(name.slice(0, -'.qcow2'.length) as Id, size.blocks * 512);
        }
        return found;
      };
      return {
        layers: await sizes<LayerId>(paths.layers),
        disks: await sizes<DiskId>(paths.disks),
        files: new Set(await readdir(paths.files)),
      };
    },
    async layerDigest(layerId, bytesPerSecond, signal) {
      try {
        return `sha256:${await sha256File(paths.layer(layerId), { bytesPerSecond, signal })}`;
      } catch (error) {
        signal.throwIfAborted();
        const { code = '' } = error as NodeJS.ErrnoException;
        // What the process lacks for a moment says nothing of the layer.
        if (['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'].includes(code))
          throw failedForNow('A layer cannot be read at the moment.', { detail: String(error) });
        throw failedForGood('A layer cannot be read.', { detail: String(error) });
      }
    },
    capacity: () => capacityOf(root),
    async close() {},
  };
}

/**
 * Moves the disk's file among the layers and puts an empty overlay in its place. After a crash,
 * whichever is missing is done.
 */
async function sealDisk({ diskId, layerId, sizeBytes }: DiskSpec, paths: Paths, host: Host) {
  const disk = paths.disk(diskId);
  const layer = paths.layer(layerId);
  return Revert.around(async (revert) => {
    if (!(await exists(layer))) {
      if (!(await exists(disk)))
        throw failedForGood("The machine's disk is missing.", { detail: disk });
      await assertUnused(disk, host.user);
      await makeImmutable(disk);
      await moveDurably(disk, layer);
      revert.add(async () => {
        await moveDurably(layer, disk);
        await makeWritable(disk, host.user);
      });
    }
    if (!(await exists(disk)))
      await createOverlay(disk, paths.backing(layerId), sizeBytes, host.user);
    return { virtualBytes: sizeBytes, storedBytes: await storedBytes(layer) };
  });
}

async function importBase(
  layerId: LayerId,
  files: BaseFiles,
  signal: AbortSignal,
  paths: Paths,
  host: Host,
): Promise<ImportedBase> {
  for (const path of Object.values(files)) {
    const found = await stat(path).catch(() => null);
    if (!found?.isFile()) throw invalid(`${path} is not a file that can be read.`);
  }
  // Refused before it is even copied; and looked at again once copied, since the original may
  // change.
  const foundBytes = await contentBytes(files.disk, await inspectForeignDisk(files.disk), signal);
  assertRoom(await capacityOf(paths.builds), (await storedBytes(files.disk)) + foundBytes);
  const folder = join(paths.builds, `base-${layerId}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o711 });
  try {
    const source = join(folder, 'source');
    const target = join(folder, 'disk.qcow2');
    const limits = { bytesMax: Number.MAX_SAFE_INTEGER, signal };
    const { digest, virtualBytes } = await withinRoom(folder, limits, async (within) => {
      await copySparse(files.disk, source, within.signal);
      await giveTo(host.user, source);
      const sha256 = await sha256File(source, { signal: within.signal });
      const format = await inspectForeignDisk(source);
      return {
        digest: `sha256:${sha256}`,
        virtualBytes: await convertForeignDisk(source, format, target, host.user, within),
      };
    });
    for (const [from, to] of [
      [files.kernel, paths.kernel(layerId)],
      [files.initrd, paths.initrd(layerId)],
    ] as const) {
      if (from === undefined) continue;
      await copyFile(from, to);
      await makeImmutable(to);
    }
    await makeImmutable(target);
    await moveDurably(target, paths.layer(layerId));
    return { digest, virtualBytes, storedBytes: await storedBytes(paths.layer(layerId)) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') {
      throw new AppError('unavailable', "The host's disk is full; nothing was added.", {
        detail: String(error),
      });
    }
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function importFile(sha256: string, path: string, paths: Paths): Promise<void> {
  const target = paths.file(sha256);
  if (await exists(target)) return;
  const part = `${target}.part`;
  try {
    await copyFile(path, part, constants.COPYFILE_FICLONE);
    const digest = await sha256File(part);
    if (digest !== sha256)
      throw invalid(`The file ${path} has the digest ${digest}, not ${sha256}; it has changed.`);
    await makeImmutable(part);
    await moveDurably(part, target);
  } finally {
    await rm(part, { force: true });
  }
}
