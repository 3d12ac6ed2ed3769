// Backup and restore of a data directory. A backup is a folder: the store as of one moment, what it names of the engine's keeping, and
// the keys. It is made beside a running server: when something that was copied changed meanwhile, the copy is made again.

import { constants } from 'node:fs';
import { chmod, copyFile, link, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, failedForNow, invalid } from '../domain/error.ts';
import type { LayerId } from '../domain/ids.ts';
import { type Disk, gbBytes, type Layer } from '../domain/layer.ts';
import type { Operation } from '../domain/operation.ts';
import type { BackupSpec, Engine } from '../engine/port.ts';
import { systemClock } from '../lib/clock.ts';
import { exists, syncPath, writeWhole } from '../lib/files.ts';
import type { Store } from '../store/port.ts';
import { copyStore, storeFile } from '../store/sqlite/database.ts';
import { openSqlite } from '../store/sqlite/open.ts';

const formatVersion = 1;
const manifestName = 'backup.json';
const triesMax = 5;
const keyFiles = ['master.key', 'signing.key', 'trusted.keys'] as const;

export interface Manifest {
  format: typeof formatVersion;
  engine: Engine['name'];
  createdAt: string;
  layers: number;
  disks: number;
  /** Whether the master key is in it; without it the backup opens no secret. */
  keys: boolean;
  /** Ids of what the store names and the engine does not have. */
  missing: string[];
}

interface Content {
  layers: Layer[];
  disks: Disk[];
  operations: Operation[];
  files: string[];
}

const operationsMax = 10_000;

const contentOf = (store: Store): Promise<Content> =>
  store.read('system', async (work) => ({
    layers: (await work.layers.list()).filter(({ state }) => state === 'sealed' || state === 'quarantined'),
    disks: (await work.disks.list()).filter(({ state }) => state === 'active' || state === 'kept'),
    operations: await work.operations.open(operationsMax),
    files: [...new Set((await work.software.list()).flatMap(({ recipe }) => recipe.files.map(({ sha256 }) => sha256)))],
  }));

/** What must be the same before and after for a copy to be of one moment: by the id of what is copied. */
function marksOf({ layers, disks, operations, files }: Content): Map<string, string> {
  const captures = new Map(capturesOf(operations).map(({ id, machineId }) => [machineId, id]));
  return new Map([
    ...layers.map(({ id, parentId, digest }): [string, string] => [id, `${parentId} ${digest}`]),
    ...disks.map(({ id, layerId, machineId }): [string, string] => [id, `${layerId} ${captures.get(machineId) ?? ''}`]),
    ...files.map((sha256): [string, string] => [sha256, '']),
  ]);
}

const capturesOf = (operations: readonly Operation[]) => operations.filter(({ kind }) => kind === 'imageCapture');

/** The layers that captures under way may have made already. */
const begunIn = (operations: readonly Operation[]): LayerId[] =>
  capturesOf(operations).flatMap(({ data }) => (typeof data.layerId === 'string' ? [data.layerId as LayerId] : []));

/** What was copied and is another now. A digest that was only taken since is no change; what went since was whole when it was copied. */
function changed(before: Map<string, string>, after: Map<string, string>): string[] {
  return [...before]
    .filter(([id, mark]) => {
      const now = after.get(id);
      return now !== undefined && now !== mark && !(mark.endsWith(' null') && now.startsWith(mark.slice(0, -4)));
    })
    .map(([id]) => id);
}

/**
 * Makes a backup in a folder that is new or empty, while a server may be running. Throws `invalid` for another folder, and
 * `unavailable` when things change faster than they are copied, or the disk is full.
 */
export async function backUp(
  rooms: { store: Store; engine: Engine; dataDir: string },
  folder: string,
  options: { keys: boolean; say?: (line: string) => void; signal?: AbortSignal },
): Promise<Manifest> {
  const { engine, dataDir } = rooms;
  const { keys, say = () => {}, signal = new AbortController().signal } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if ((await readdir(folder)).length > 0) throw invalid(`${folder} is not empty; give a new folder for each backup.`);
  // QEMU's user passes through it to write the disks of machines that are on; the store's and the keys' own modes keep those closed.
  await mkdir(join(folder, 'engine'), { mode: 0o711 });
  const copied = storeFile(folder);
  for (let tries = 1; ; tries++) {
    say('copying the store');
    await copyStore(dataDir, copied);
    const content = await within(folder, contentOf);
    const spec = specOf(content, join(folder, 'engine'));
    say(`copying ${spec.layers.length} layers and ${spec.disks.length} disks`);
    const begun = new Set<string>(begunIn(content.operations));
    const missing = (await engine.backUp(spec, signal)).filter((id) => !begun.has(id));
    const now = marksOf(await contentOf(rooms.store));
    // What is not there has gone since, or was not there before: in the second case the store still names it.
    const lost = missing.filter((id) => now.has(id));
    if (changed(marksOf(content), now).length === 0 && lost.length === missing.length) {
      await copyKeys(dataDir, folder, keys);
      const manifest: Manifest = {
        format: formatVersion,
        engine: engine.name,
        createdAt: new Date(systemClock.now()).toISOString(),
        layers: spec.layers.length,
        disks: spec.disks.length,
        keys: keys && (await exists(join(folder, keyFiles[0]))),
        missing: lost,
      };
      await removeOthers(folder, spec);
      await writeWhole(join(folder, manifestName), JSON.stringify(manifest, null, 2), 0o600);
      return manifest;
    }
    if (tries === triesMax)
      throw failedForNow('What is to be backed up changes faster than it can be copied; try again when less is done.');
    say('something changed meanwhile; copying that again');
  }
}

async function within<Result>(folder: string, work: (store: Store) => Promise<Result>): Promise<Result> {
  const store = await openSqlite({ dataDir: folder, now: systemClock.now });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

function specOf({ layers, disks, files, operations }: Content, folder: string): BackupSpec {
  return {
    folder,
    layers: [...layers.map(({ id }) => id), ...begunIn(operations)],
    disks: disks.map(({ id, layerId, machineId, sizeGb }) => ({
      ...{ diskId: id, layerId, machineId },
      sizeBytes: sizeGb * gbBytes,
    })),
    files,
  };
}

/** What an earlier try copied and the store of the last does not name. */
async function removeOthers(folder: string, spec: BackupSpec): Promise<void> {
  const wanted = new Set<string>([...spec.layers, ...spec.disks.map(({ diskId }) => diskId)]);
  for (const kind of ['layers', 'disks']) {
    const inside = join(folder, 'engine', kind);
    if (!(await exists(inside))) continue;
    for (const name of await readdir(inside)) {
      if (!wanted.has(name.replace(/\..*$/, ''))) await rm(join(inside, name), { force: true });
    }
  }
}

async function copyKeys(dataDir: string, folder: string, keys: boolean): Promise<void> {
  if (!keys) return;
  for (const name of keyFiles) {
    if (!(await exists(join(dataDir, name)))) continue;
    await copyFile(join(dataDir, name), join(folder, name));
    await chmod(join(folder, name), 0o600);
    await syncPath(join(folder, name));
  }
}

/** Reads what a backup says of itself. Throws `invalid` for a folder that is none, or whose copying did not come to its end. */
export async function readManifest(folder: string): Promise<Manifest> {
  const text = await readFile(join(folder, manifestName), 'utf8').catch(() => {
    throw invalid(`${folder} is no backup, or one that did not come to its end: it has no ${manifestName}.`);
  });
  const manifest = JSON.parse(text) as Manifest;
  if (manifest.format !== formatVersion)
    throw invalid(`${folder} is a backup of another format (${manifest.format}); use the Silversmith that made it.`);
  return manifest;
}

/**
 * Brings a backup back as a data directory that is new or empty. The store comes last: a restore that is killed has left no data
 * directory, and is done again. Transfers, which are not in a backup, are forgotten.
 */
export async function restore(from: string, dataDir: string): Promise<Manifest> {
  const manifest = await readManifest(from);
  if (await exists(storeFile(dataDir)))
    throw new AppError(
      'conflict',
      `There is a store in ${dataDir} already; give a folder without one, or move it aside.`,
    );
  await mkdir(join(dataDir, 'engine'), { recursive: true, mode: 0o711 });
  for (const folder of [dataDir, join(dataDir, 'engine')]) await chmod(folder, 0o711);
  await mkdir(join(dataDir, 'transfers'), { recursive: true, mode: 0o700 });
  await restoreTree(join(from, 'engine'), join(dataDir, 'engine'));
  for (const name of keyFiles) {
    if (!(await exists(join(from, name)))) continue;
    await copyFile(join(from, name), join(dataDir, name));
    await chmod(join(dataDir, name), 0o600);
  }
  const part = join(dataDir, 'restored');
  await rm(part, { recursive: true, force: true });
  await mkdir(part, { mode: 0o700 });
  await copyFile(storeFile(from), storeFile(part));
  await within(part, (store) =>
    store.write('system', async (work) => {
      for (const { id } of await work.transfers.list()) await work.transfers.remove(id);
      await work.operations.releaseAll();
    }),
  );
  await syncPath(storeFile(part));
  await rename(storeFile(part), storeFile(dataDir));
  await rm(part, { recursive: true });
  await syncPath(dataDir);
  return manifest;
}

/** Layers and recipes' files are shared with the backup where the file system can, since nobody writes to them; all else is copied. */
async function restoreTree(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (!entry.isDirectory()) {
      await rm(target, { force: true });
      await copyFile(source, target);
      await syncPath(target);
      continue;
    }
    await mkdir(target, { recursive: true, mode: 0o711 });
    for (const name of await readdir(source)) {
      const [one, other] = [join(source, name), join(target, name)];
      await rm(other, { force: true });
      const shared =
        entry.name !== 'disks' &&
        (await link(one, other).then(
          () => true,
          () => false,
        ));
      if (shared) continue;
      await copyFile(one, other, constants.COPYFILE_FICLONE);
      await syncPath(other);
    }
    await syncPath(target);
  }
}
