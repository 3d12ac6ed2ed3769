// Makes a backup of a data directory, beside a running server or without one. A backup is a folder
// with the store as of one moment, the layers, disks and files that the store names, and the keys.
// A freeze keeps the server from changing those files while they are copied. `restore.ts` brings a
// backup back.

import { chmod, copyFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../app/operator/backup.ts';
import { failedForNow, invalid } from '../domain/error.ts';
import type { Freeze } from '../domain/host.ts';
import type { LayerId } from '../domain/ids.ts';
import { gbBytes } from '../domain/units.ts';
import type { BackupSpec } from '../engine/optional/backup.ts';
import { requirePart } from '../engine/optional/parts.ts';
import { type Call, withoutJob } from '../engine/port/call.ts';
import type { Engine } from '../engine/port/engine.ts';
import { systemClock } from '../lib/clock.ts';
import { exists, makeFolders, syncPath, writeWhole } from '../lib/files.ts';
import { newId } from '../lib/new-id.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import { copyStore, storeFile } from '../store/sqlite/database.ts';
import { openSqlite } from '../store/sqlite/open.ts';

export const formatVersion = 1;
export const manifestName = 'backup.json';
const keyFiles = ['master.key', 'signing.key', 'trusted.keys'] as const;

const renewMs = 15_000;
const pollMs = 200;
/** How often a backup starts again because the master key was changed meanwhile. */
const copyTriesMax = 5;

/**
 * Freezes files for as long as the work takes, so that no job changes them. The freeze ends by
 * itself when this process dies. Throws `unavailable` when it could not be renewed in time.
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

interface Source {
  store: Store;
  engine: Engine;
  dataDir: string;
}

interface BackupOptions {
  /** Whether the master key and the signing key are copied. */
  keys: boolean;
  /** Gets a line for each part that begins. */
  say?: (line: string) => void;
  signal?: AbortSignal;
}

/**
 * Makes a backup in a folder that is new or empty, while a server may be running. Captures wait
 * while disks are copied; compaction, imports and removals wait until everything is. Throws
 * `invalid` for another folder, and `no_capacity` when the disk is full.
 */
export async function backUp(
  source: Source,
  folder: string,
  { keys, say = () => {}, signal }: BackupOptions,
): Promise<Manifest> {
  const { store, engine, dataDir } = source;
  const call = withoutJob(signal);
  const copies = requirePart(engine, 'backup');
  await makeTarget(folder, dataDir);
  const target = join(folder, 'engine');
  const manifest = await whileFrozen(store, 'layers', async (): Promise<Manifest> => {
    say('copying the store and the disks');
    const { content, lost } = await whileFrozen(store, 'disks', () =>
      copyStoreAndDisks(source, folder, keys, call),
    );
    say(`copying ${content.layers.length} layers`);
    const missing = [
      ...lost,
      ...(await copies.copy({ ...content, disks: [], folder: target }, call)),
    ];
    return {
      format: formatVersion,
      engine: engine.name,
      createdAt: new Date(systemClock.now()).toISOString(),
      layers: content.layers.length,
      disks: content.disks.length,
      keys: keys && (await exists(join(folder, keyFiles[0]))),
      missing,
    };
  });
  await writeWhole(join(folder, manifestName), JSON.stringify(manifest, null, 2), 0o600);
  return manifest;
}

/** Makes the folder of a backup. Throws `invalid` for a folder that cannot be used. */
async function makeTarget(folder: string, dataDir: string): Promise<void> {
  if (`${folder}/`.startsWith(`${dataDir}/`))
    throw invalid(`${folder} lies in the data directory; give a folder elsewhere.`);
  await makeFolders(folder, 0o700);
  if ((await readdir(folder)).length > 0)
    throw invalid(`${folder} is not empty; give a new folder for each backup.`);
  await mkdir(join(folder, 'engine'), { mode: 0o711 });
}

const none = { layers: [], disks: [], files: [] };

/** Returns the ids that the copied store names, and the ids of disks that the engine lacks. */
async function copyStoreAndDisks(
  { engine, dataDir }: Source,
  folder: string,
  keys: boolean,
  call: Call,
) {
  await copyStoreAndKeys(dataDir, folder, keys);
  const named = await withStoreIn(folder, contentOf);
  const has = await engine.inventory(call);
  const begun = named.begun.filter((id) => has.layers.has(id));
  const content = { ...named, layers: [...named.layers, ...begun] };
  const target = join(folder, 'engine');
  const spec = { ...none, folder: target, disks: content.disks };
  const lost = await requirePart(engine, 'backup').copy(spec, call);
  return { content, lost };
}

/** The layers, disks and files of the engine that a store names. */
const contentOf = (store: Store): Promise<Omit<BackupSpec, 'folder'> & { begun: LayerId[] }> =>
  store.read('system', async (work) => ({
    // A capture that waits for the freeze has sealed its disk already: the disk stands on a layer
    // that has no row yet.
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

/** Opens the store of a folder that no other process knows. */
export async function withStoreIn<Result>(
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

/**
 * Copies the store, with the keys under which it is sealed. The master key may be changed while
 * they are copied; then both are copied again.
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

/** Copies the keys that are there. */
export async function copyKeys(from: string, to: string): Promise<void> {
  for (const name of keyFiles) {
    if (!(await exists(join(from, name)))) continue;
    await copyFile(join(from, name), join(to, name));
    await chmod(join(to, name), 0o600);
    await syncPath(join(to, name));
  }
}
