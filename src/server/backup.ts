// Backup and restore of a data directory. A backup is a folder: the store as of one moment, what it
// names of the engine's keeping, and the keys. It is made beside a running server, which holds back
// what would change the files below the copy.

import { constants } from 'node:fs';
import { chmod, copyFile, link, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, failedForNow, invalid } from '../domain/error.ts';
import type { Freeze } from '../domain/host.ts';
import type { LayerId } from '../domain/ids.ts';
import { gbBytes } from '../domain/units.ts';
import type { BackupSpec, Engine } from '../engine/port.ts';
import { systemClock } from '../lib/clock.ts';
import { exists, makeFolders, syncPath, writeWhole } from '../lib/files.ts';
import { newId } from '../lib/new-id.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import { copyStore, storeFile } from '../store/sqlite/database.ts';
import { openSqlite } from '../store/sqlite/open.ts';
import { writeInstallation } from './installation.ts';
import type { EngineName } from './options.ts';

const formatVersion = 1;
const manifestName = 'backup.json';
const keyFiles = ['master.key', 'signing.key', 'trusted.keys'] as const;

export interface Manifest {
  format: typeof formatVersion;
  engine: EngineName;
  createdAt: string;
  layers: number;
  disks: number;
  /** Whether the master key is in it; without it the backup opens no secret. */
  keys: boolean;
  /** Ids of what the store names and the engine does not have. */
  missing: string[];
}

const renewMs = 15_000;
const pollMs = 200;

/**
 * Holds back what would change the files below a copy, for as long as the work takes; ends by
 * itself when this process dies. Throws `unavailable` when the hold could not be renewed in time.
 */
async function whileFrozen<Result>(
  store: Store,
  what: Freeze,
  work: () => Promise<Result>,
): Promise<Result> {
  const holder = newId();
  await store.write('system', ({ host }) => host.freeze(what, holder));
  let stands = true;
  const renew = async () => {
    const renewed = await store.write('system', ({ host }) => host.renewFreeze(what, holder));
    stands &&= renewed;
  };
  const renewal = setInterval(() => renew().catch(() => {}), renewMs);
  try {
    while (await store.read('system', (unit) => unit.host.isBusy(what)))
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    const result = await work();
    await renew();
    if (!stands)
      throw failedForNow(
        'The freeze of this backup ended before its copy did; make it again, in a new folder.',
      );
    return result;
  } finally {
    clearInterval(renewal);
    await store.write('system', ({ host }) => host.thaw(what, holder));
  }
}

/**
 * Makes a backup in a folder that is new or empty, while a server may be running. Captures wait
 * while disks are copied; compaction, imports and removals wait until all is. Throws `invalid` for
 * another folder, and `unavailable` when the disk is full.
 */
export async function backUp(
  { store, engine, dataDir }: { store: Store; engine: Engine; dataDir: string },
  folder: string,
  options: { keys: boolean; say?: (line: string) => void; signal?: AbortSignal },
): Promise<Manifest> {
  const { keys, say = () => {}, signal = new AbortController().signal } = options;
  if (`${folder}/`.startsWith(`${dataDir}/`))
    throw invalid(`${folder} lies in the data directory; give a folder elsewhere.`);
  await makeFolders(folder, 0o700);
  if ((await readdir(folder)).length > 0)
    throw invalid(`${folder} is not empty; give a new folder for each backup.`);
  const target = join(folder, 'engine');
  await mkdir(target, { mode: 0o711 });
  const manifest = await whileFrozen(store, 'layers', async () => {
    say('copying the store and the disks');
    const { content, lost } = await whileFrozen(store, 'disks', async () => {
      await copyStoreAndKeys(dataDir, folder, keys);
      const named = await within(folder, contentOf);
      const has = await engine.inventory();
      const content = {
        ...named,
        layers: [...named.layers, ...named.begun.filter((id) => has.layers.has(id))],
      };
      return {
        content,
        lost: await engine.backUp({ ...none, folder: target, disks: content.disks }, signal),
      };
    });
    say(`copying ${content.layers.length} layers`);
    const missing = [
      ...lost,
      ...(await engine.backUp({ ...content, disks: [], folder: target }, signal)),
    ];
    return {
      format: formatVersion,
      engine: engine.name as EngineName,
      createdAt: new Date(systemClock.now()).toISOString(),
      layers: content.layers.length,
      disks: content.disks.length,
      keys: keys && (await exists(join(folder, keyFiles[0]))),
      missing,
    } satisfies Manifest;
  });
  await writeWhole(join(folder, manifestName), JSON.stringify(manifest, null, 2), 0o600);
  return manifest;
}

const none = { layers: [], disks: [], files: [] };

/** What the store names of the engine's keeping. */
const contentOf = (store: Store): Promise<Omit<BackupSpec, 'folder'> & { begun: LayerId[] }> =>
  store.read('system', async (work) => ({
    // A capture that waits to go on has sealed its disk, which stands on a layer that has no row
    // yet.
    begun: (await work.jobs.begun())
      .filter(({ name }) => name !== 'disk')
      .map(({ id }) => id as LayerId),
    layers: (await work.layers.list())
      .filter(({ state }) => state === 'sealed')
      .map(({ id }) => id),
    disks: (await work.disks.list())
      .filter(({ state }) => state === 'active' || state === 'kept')
      .map(({ id, layerId, machineId, sizeGb }) => ({
        diskId: id,
        layerId,
        machineId,
        sizeBytes: sizeGb * gbBytes,
      })),
    files: [
      ...new Set(
        (await work.software.list()).flatMap(({ recipe }) =>
          recipe.files.map(({ sha256 }) => sha256),
        ),
      ),
    ],
  }));

async function within<Result>(
  folder: string,
  work: (store: Store) => Promise<Result>,
): Promise<Result> {
  const store = await openSqlite({ dataDir: folder, now: systemClock.now, locked: true });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

const copyTriesMax = 5;

/**
 * The store, with the keys under which it is sealed: the master key may be changed while they are
 * copied.
 */
async function copyStoreAndKeys(dataDir: string, folder: string, keys: boolean): Promise<void> {
  const read = () => readFile(join(dataDir, keyFiles[0]), 'utf8').catch(() => '');
  for (let tries = 0; tries < copyTriesMax; tries++) {
    const before = await read();
    if (keys) await copyKeys(dataDir, folder);
    await copyStore(dataDir, storeFile(folder));
    if ((await read()) === before) return;
  }
  throw failedForNow(
    'The master key was changed while the store was copied; make the backup again, in a new folder.',
  );
}

async function copyKeys(from: string, to: string): Promise<void> {
  for (const name of keyFiles) {
    if (!(await exists(join(from, name)))) continue;
    await copyFile(join(from, name), join(to, name));
    await chmod(join(to, name), 0o600);
    await syncPath(join(to, name));
  }
}

/**
 * Reads what a backup says of itself. Throws `invalid` for a folder that is none, or whose copying
 * did not come to its end.
 */
export async function readManifest(folder: string): Promise<Manifest> {
  const text = await readFile(join(folder, manifestName), 'utf8').catch((error) => {
    if (error.code !== 'ENOENT') throw error;
    throw invalid(
      `${folder} is no backup, or one that did not come to its end: it has no ${manifestName}.`,
    );
  });
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text) as Manifest;
  } catch {
    throw invalid(
      `${join(folder, manifestName)} is not JSON: it was changed since; use another backup.`,
    );
  }
  if (manifest.format !== formatVersion)
    throw invalid(
      `${folder} is a backup of another format (${manifest.format}); use the Silversmith that made it.`,
    );
  return manifest;
}

/**
 * Brings a backup back as a data directory that is new or empty. The store's place is taken last: a
 * restore that is killed has left no data directory, and is done again. Transfers, which are not in
 * a backup, are forgotten.
 */
export async function restore(from: string, dataDir: string): Promise<Manifest> {
  const manifest = await readManifest(from);
  if (await exists(storeFile(dataDir)))
    throw new AppError(
      'conflict',
      `There is a store in ${dataDir} already; give a folder without one, or move it aside.`,
    );
  const part = join(dataDir, 'restored');
  await rm(part, { recursive: true, force: true });
  await makeFolders(part, 0o700);
  // The store before all else: one that this version cannot read is refused while nothing is there.
  try {
    await copyFile(storeFile(from), storeFile(part));
    await within(part, (store) =>
      store.write('system', async (work) => {
        for (const { id } of await work.transfers.list()) await work.transfers.remove(id);
        await work.jobs.releaseAll();
        await work.host.thawAll();
      }),
    );
  } catch (error) {
    await rm(part, { recursive: true });
    throw error;
  }
  await mkdir(join(dataDir, 'engine'), { recursive: true, mode: 0o711 });
  for (const folder of [dataDir, join(dataDir, 'engine')]) await chmod(folder, 0o711);
  await mkdir(join(dataDir, 'transfers'), { recursive: true, mode: 0o700 });
  await restoreTree(join(from, 'engine'), join(dataDir, 'engine'));
  await copyKeys(from, dataDir);
  await writeInstallation(dataDir, manifest.engine);
  // A copy takes the place, not the file that was open here: SQLite would go on with the index of
  // its old name, beside everybody else's.
  const whole = join(part, 'whole.db');
  await copyFile(storeFile(part), whole);
  await syncPath(whole);
  await rename(whole, storeFile(dataDir));
  await rm(part, { recursive: true });
  await syncPath(dataDir);
  return manifest;
}

/**
 * Layers and recipes' files are shared with the backup where the file system can, since nobody
 * writes to them; all else is copied.
 */
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
