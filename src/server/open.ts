// Opens the contents of a data directory: the store, the keys and the engine.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../domain/error.ts';
import type { Engine } from '../engine/port/engine.ts';
import { openQemu } from '../engine/qemu/engine.ts';
import { openSimulator } from '../engine/simulator/engine.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { exists, makeFolders } from '../lib/files.ts';
import { masterKeyFile, parseMasterKey } from '../lib/master-key.ts';
import { signingKeyFile } from '../lib/signing-key.ts';
import { systemSentence } from '../lib/system-error.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import { openPostgres } from '../store/postgres/open.ts';
import { hasStore, storeFile } from '../store/sqlite/database.ts';
import { openSqlite } from '../store/sqlite/open.ts';
import { openIncusWith } from './incus-options.ts';
import { assertStoreIsThere, engineOf, findInstallation } from './installation.ts';
import type { Config } from './options.ts';

/**
 * Opens the engine that the data belongs to. `installation` is the id of a directory that has none
 * yet. Throws `conflict` when another engine is asked for.
 */
export async function openEngine(config: Config, installation?: string): Promise<Engine> {
  const { dataDir, networks, simulatorSpeed, confining, toolEnvironment } = config;
  const { id } = (await findInstallation(dataDir)) ?? { id: installation };
  const engine = await engineOf(config);
  if (engine === 'incus') {
    if (id === undefined)
      throw new AppError(
        'not_found',
        `No server has run on ${dataDir} yet, so it has no project on the cluster; start one: silversmith serve --engine incus`,
      );
    return openIncusWith(config.incus, id);
  }
  const root = join(dataDir, 'engine');
  await mkdir(root, { recursive: true });
  return engine === 'qemu'
    ? openQemu({
        root,
        networks,
        confining,
        path: toolEnvironment.PATH ?? '',
        environment: toolEnvironment,
        ...(id && { installation: id }),
      })
    : openSimulator({ root, clock: systemClock, speed: simulatorSpeed });
}

/**
 * Opens the store and the keys of a directory that is prepared. `check` reads every page of the
 * store first; `locked` says that this process has the directory's lock. Throws `unavailable` and
 * `invalid` with a remedy.
 */
export async function openStore(
  config: Config,
  options: { check?: boolean; locked?: boolean } = {},
) {
  const given =
    config.masterKey === undefined
      ? null
      : await usable('SILVERSMITH_MASTER_KEY: ', () => parseMasterKey(config.masterKey ?? ''));
  const { store, clock } = await openDatabase(config, options);
  const keyFile = join(config.dataDir, 'master.key');
  if (given === null && !(await exists(keyFile))) await assertNoSecrets(store, keyFile, config);
  const masterKey = given ?? (await usable('', () => masterKeyFile(keyFile)));
  const signer = await usable('', () =>
    signingKeyFile(join(config.dataDir, 'signing.key'), join(config.dataDir, 'trusted.keys')),
  );
  return { store, clock, masterKey, signer };
}

async function openDatabase(
  { dataDir, databaseUrl, requestsPerSecond }: Config,
  options: { check?: boolean; locked?: boolean },
): Promise<{ store: Store; clock: Clock }> {
  if (databaseUrl === null) {
    const store = await openSqlite({ dataDir, now: systemClock.now, ...options });
    return { store, clock: systemClock };
  }
  if (await hasStore(dataDir))
    throw new AppError(
      'conflict',
      `${dataDir} has a store of its own, and a database is asked for (--database-url or SILVERSMITH_DATABASE_URL). Carry the store over with silversmith store copy --to; then move it aside: mv ${storeFile(dataDir)} ${storeFile(dataDir)}.copied`,
    );
  const store = await openPostgres({ url: databaseUrl, requestsPerSecond });
  return { store, clock: store.clock };
}

/**
 * Throws `unavailable` when the store has secrets: a new master key could not open them, so one is
 * made for a new store only.
 */
async function assertNoSecrets(
  store: Store,
  keyFile: string,
  { databaseUrl }: Config,
): Promise<void> {
  if ((await store.read('system', (work) => work.keys.list())).length === 0) return;
  await store.close();
  if (databaseUrl !== null)
    throw new AppError(
      'unavailable',
      `${keyFile} is not there, and the secrets in this database are under the master key of the servers that run on it. Copy master.key and signing.key from the data directory of one of them, or give this one the same SILVERSMITH_MASTER_KEY.`,
    );
  throw new AppError(
    'unavailable',
    `${keyFile} is gone, and without it the secrets of the access keys cannot be opened. Bring it back from where you keep it. When it is lost for good, put a new one there (umask 077; openssl rand -hex 32 > ${keyFile}) and give each caller a new key: silversmith key rotate`,
  );
}

/**
 * Reads a key. A file with the wrong content has a sentence for the operator, which becomes
 * `invalid`; an error of the system passes, and gets its words from lib/system-error.ts.
 */
async function usable<Key>(name: string, read: () => Key | Promise<Key>): Promise<Key> {
  try {
    return await read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw error;
    throw new AppError('invalid', `${name}${(error as Error).message}`, { cause: error });
  }
}

/**
 * Makes the directory when it does not exist; only its owner can read the store's files.
 * Idempotent. Throws `unavailable`.
 */
export async function prepareDataDir({
  dataDir,
  databaseUrl,
}: Pick<Config, 'dataDir' | 'databaseUrl'>): Promise<void> {
  try {
    await makeFolders(dataDir, 0o711);
    await mkdir(join(dataDir, 'transfers'), { recursive: true, mode: 0o700 });
    // SQLite gives its other files the mode of this one, so make this one first.
    if (databaseUrl === null) await writeFile(storeFile(dataDir), '', { flag: 'a', mode: 0o600 });
  } catch (error) {
    throw new AppError(
      'unavailable',
      `The data directory ${dataDir} cannot be used: ${systemSentence(error, dataDir) ?? String(error)} Or give another one with --data-dir.`,
      { cause: error },
    );
  }
}

/**
 * Opens the store for a command of the operator. Throws not-found where there is no data, because a
 * wrong path must not make a new directory.
 */
export async function openExistingStore(config: Config, options: { check?: boolean } = {}) {
  await assertStoreIsThere(config);
  if (config.databaseUrl === null && !(await exists(storeFile(config.dataDir)))) {
    throw new AppError(
      'not_found',
      `This command works on the data directory, on the server's own host, and there is no data in ${config.dataDir}; give --data-dir, or start the server once: silversmith serve`,
    );
  }
  await engineOf(config);
  await prepareDataDir(config);
  return openStore(config, options);
}
