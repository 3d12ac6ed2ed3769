// The engine that is measured, its files, and the tools that it is compared with. The tools run
// outside of a cage. Each peer syncs its result like the engine does.

import { randomBytes } from 'node:crypto';
import { chmod, open, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DiskId, LayerId } from '../../src/domain/ids.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { syncPath } from '../../src/lib/files.ts';
import { runCommand, systemPath } from '../../src/lib/spawn.ts';
import { call } from '../../test/call.ts';
import { contents } from '../../test/content.ts';
import type { Beside } from './beside.ts';

export const mib = 1024 ** 2;
const toolMs = 600_000;

export interface Bench {
  beside: Beside;
  folder: string;
  engine: Awaited<ReturnType<typeof openQemu>>;
  /** An empty layer of 1 GB. */
  base: LayerId;
  /** Bytes that a file system of programs could have: half of them can be compressed. */
  pattern: string;
}

export const newId = <Id>() => randomBytes(12).toString('hex') as Id;
export const diskFile = ({ folder }: Bench, disk: DiskId) =>
  join(folder, 'engine', 'disks', `${disk}.qcow2`);
export const layerFile = ({ folder }: Bench, layer: LayerId) =>
  join(folder, 'engine', 'layers', `${layer}.qcow2`);
export const storedBytes = async (path: string) => (await stat(path)).blocks * 512;

export const tool = (command: string, ...args: string[]) =>
  runCommand(command, args, { env: { PATH: systemPath }, timeoutMs: toolMs });
export const qemuImg = (...args: string[]) => tool('qemu-img', ...args);
/** Writes into a qcow2 file, and syncs it. */
export const qemuIo = async (path: string, ...commands: string[]) => {
  await tool('qemu-io', '-f', 'qcow2', ...commands.flatMap((one) => ['-c', one]), path);
  await syncPath(path);
};

/** Syncs a file, and its folder, where its name is. */
export async function synced(path: string): Promise<void> {
  await syncPath(path);
  await syncPath(dirname(path));
}

/** Opens an engine in a folder, with a base. */
export async function begin(folder: string, beside: Beside): Promise<Bench> {
  await chmod(folder, 0o711);
  const engine = await openQemu({ root: join(folder, 'engine') });
  const base = newId<LayerId>();
  const raw = join(folder, 'base.raw');
  await writeFile(raw, '');
  const handle = await open(raw, 'r+');
  await handle.truncate(gbBytes);
  await handle.write(Buffer.from([0x55, 0xaa]), 0, 2, 510);
  await handle.close();
  await engine.importBase({ layerId: base, ...(await contents({ disk: raw })) }, call);
  const pattern = join(folder, 'pattern');
  const clusters = Array.from({ length: 16 }, () => [
    randomBytes(32 * 1024),
    Buffer.alloc(32 * 1024, 'text '),
  ]);
  await writeFile(pattern, Buffer.concat(clusters.flat()));
  return { beside, folder, engine, base, pattern };
}

export async function newDisk({ engine, base }: Bench, sizeBytes: number): Promise<DiskId> {
  const disk = newId<DiskId>();
  await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes }, call);
  return disk;
}
