// Opens the rooms on a data directory: the store, the master key and the engine.

import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../domain/error.ts';
import type { Engine } from '../engine/port.ts';
import { openQemu } from '../engine/qemu/engine.ts';
import { openSimulator } from '../engine/simulator/engine.ts';
import { systemClock } from '../lib/clock.ts';
import { exists } from '../lib/files.ts';
import { masterKeyFile, parseMasterKey } from '../lib/master-key.ts';
import { signingKeyFile } from '../lib/signing-key.ts';
import { storeFile } from '../store/sqlite/database.ts';
import { openSqlite } from '../store/sqlite/open.ts';
import type { Config } from './config.ts';
import { engineOf } from './installation.ts';

/** The engine that the data belongs to. Throws `conflict` when another one is asked for. */
export async function openEngine(config: Config): Promise<Engine> {
  const { dataDir, machineNetwork, simulatorSpeed } = config;
  const engine = await engineOf(config);
  const root = join(dataDir, 'engine');
  await mkdir(root, { recursive: true });
  return engine === 'qemu'
    ? openQemu({ root, machineNetwork })
    : openSimulator({ root, clock: systemClock, speed: simulatorSpeed });
}

/** For the server, which has the directory's lock. */
export async function openStore(config: Config, options: { check?: boolean; locked?: boolean } = {}) {
  const store = await openSqlite({ dataDir: config.dataDir, now: systemClock.now, ...options });
  const masterKey =
    config.masterKey === undefined
      ? await masterKeyFile(join(config.dataDir, 'master.key'))
      : parseMasterKey(config.masterKey);
  const signer = await signingKeyFile(join(config.dataDir, 'signing.key'), join(config.dataDir, 'trusted.keys'));
  return { store, masterKey, signer };
}

/** Makes the directory when it is not there. The store's files are readable by their owner alone. */
export async function prepareDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o711 });
    await chmod(dataDir, 0o711);
    await mkdir(join(dataDir, 'transfers'), { recursive: true, mode: 0o700 });
    // SQLite gives its other files the mode of this one.
    await writeFile(storeFile(dataDir), '', { flag: 'a', mode: 0o600 });
  } catch (error) {
    throw new AppError(
      'unavailable',
      `The data directory ${dataDir} cannot be written: ${(error as Error).message}. Make it writable for this user, or give another one with --data-dir.`,
      { cause: error },
    );
  }
}

/** For commands that administer an existing directory: a typo must not make a new one. */
export async function openExistingStore(config: Config, options: { check?: boolean } = {}) {
  if (!(await exists(storeFile(config.dataDir)))) {
    throw new AppError(
      'not_found',
      `There is no data in ${config.dataDir}; give --data-dir, or start the server once: silversmith serve`,
    );
  }
  await engineOf(config);
  await prepareDataDir(config.dataDir);
  return openStore(config, options);
}
