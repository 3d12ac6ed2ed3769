// Joins a server to the installation that all servers on one database are. What they have to have
// in common is compared with what the first of them left in the database: the master key, the key
// that signs exports, the engine, and the folder of transfers.

import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../domain/error.ts';
import type { Installation } from '../domain/installation.ts';
import type { Engine } from '../engine/port/engine.ts';
import { exists, writeFirst } from '../lib/files.ts';
import type { MasterKey } from '../lib/master-key.ts';
import { newId } from '../lib/new-id.ts';
import type { Signer } from '../lib/signing-key.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import { findInstallation, writeInstallation } from './installation.ts';
import { openEngine } from './open.ts';
import { type Config, type EngineName, isHostBound } from './options.ts';

/** The text that the database keeps under the master key. */
const checkText = 'silversmith';

interface Joining {
  store: Store;
  masterKey: MasterKey;
  signer: Signer;
}

interface Joined {
  installation: string;
  engine: EngineName;
  /**
   * Whether this server works the engine. A host-bound engine is worked by the server that has its
   * data; the others answer requests.
   */
  worksEngine: boolean;
  /** The folder of transfers, which all servers share. */
  transfers: string;
}

/**
 * Joins the installation, which the first server makes. Throws `unavailable` or `conflict` with a
 * remedy when this server does not fit it.
 */
export async function joinInstallation(config: Config, joining: Joining): Promise<Joined> {
  const { store, masterKey, signer } = joining;
  const own = await findInstallation(config.dataDir);
  const mine: Installation = {
    id: own?.id ?? newId(),
    engine: own?.engine ?? config.engine ?? 'qemu',
    masterKeyCheck: masterKey.seal(checkText),
    signingKeyId: signer.id,
    transfersId: null,
  };
  if (own === null && isHostBound(mine.engine)) await assertNew(config, store);
  const found = await store.write('system', (work) => work.installation.ensure(mine));
  assertFits(config, found, joining);
  const engine = found.engine as EngineName;
  if (own !== null && own.id !== found.id && !isHostBound(engine))
    throw new AppError(
      'conflict',
      `${config.dataDir} belongs to another installation than the database. Give another --data-dir, or the database of this one.`,
    );
  const isFirst = found.masterKeyCheck === mine.masterKeyCheck;
  if (isFirst && own === null) await writeInstallation(config.dataDir, engine, found.id);
  return {
    installation: found.id,
    engine,
    worksEngine: !isHostBound(engine) || isFirst || own?.id === found.id,
    transfers: await sharedTransfers(config, store, found),
  };
}

/** The first server on a store that was copied has to be the one that has the engine's data. */
async function assertNew({ dataDir }: Config, store: Store): Promise<void> {
  const { found, layers } = await store.read('system', async (work) => ({
    found: await work.installation.find(),
    layers: await work.layers.ids(),
  }));
  if (found === undefined && layers.length > 0)
    throw new AppError(
      'conflict',
      `The database has layers, and ${dataDir} has none of them. Start the first server on the data directory that the store was copied from.`,
    );
}

function assertFits(config: Config, found: Installation, { masterKey, signer }: Joining): void {
  try {
    masterKey.open(found.masterKeyCheck);
  } catch (cause) {
    throw new AppError(
      'unavailable',
      'The master key is another one than that of the other servers on this database. Copy master.key from the data directory of one of them, or give all of them the same SILVERSMITH_MASTER_KEY.',
      { cause },
    );
  }
  if (signer.id !== found.signingKeyId)
    throw new AppError(
      'unavailable',
      `The key that signs exports is another one than that of the other servers on this database. Copy signing.key from the data directory of one of them to ${config.dataDir}.`,
    );
  if (config.engine !== null && config.engine !== found.engine)
    throw new AppError(
      'conflict',
      `The data in this database belongs to the ${found.engine} engine, and ${config.engine} is asked for (--engine or SILVERSMITH_ENGINE). Leave that away to use this data, or give another database.`,
    );
}

/**
 * Opens the engine for a command of the operator. Throws `unavailable` on a host that has not the
 * data of a host-bound engine, since all of it would look missing there.
 */
export async function openWorkedEngine(config: Config, store: Store): Promise<Engine> {
  if (config.databaseUrl === null) return openEngine(config);
  const found = await store.read('system', (work) => work.installation.find());
  const own = await findInstallation(config.dataDir);
  if (found === undefined)
    throw new AppError(
      'unavailable',
      'No server has run on this database yet; start one first: silversmith serve',
    );
  if (isHostBound(found.engine) && own?.id !== found.id) throw workedElsewhere(config.dataDir);
  return openEngine({ ...config, engine: found.engine as EngineName }, found.id);
}

export const workedElsewhere = (dataDir: string) =>
  new AppError(
    'unavailable',
    `The data of the engine is not in ${dataDir}; type this on the host of the server that works the engine, with its --data-dir.`,
  );

/**
 * Returns the folder of transfers. The first server marks its folder; another server has to be
 * given the same folder, since an upload to one server is read by another.
 */
async function sharedTransfers(
  { dataDir, transfersDir }: Config,
  store: Store,
  { transfersId }: Installation,
): Promise<string> {
  const folder = transfersDir ?? dataDir;
  const marker = join(folder, 'transfers.id');
  const transfers = join(folder, 'transfers');
  await mkdir(transfers, { recursive: true, mode: 0o700 }).catch((cause: Error) => {
    throw new AppError(
      'unavailable',
      `The folder of transfers ${folder} cannot be used: ${cause.message}. Give another one with --transfers-dir.`,
      { cause },
    );
  });
  const marked = (await exists(marker)) ? (await readFile(marker, 'utf8')).trim() : null;
  const id = transfersId ?? (await choose(store, marked ?? newId()));
  if (marked === id) return transfers;
  if (marked === null && transfersId === null) {
    await writeFirst(marker, `${id}\n`, 0o600);
    return transfers;
  }
  throw new AppError(
    'unavailable',
    `${folder} is not the folder of transfers that the other servers on this database use. Give the same folder to all of them, on a file system that they share: --transfers-dir FOLDER`,
  );
}

/** Keeps the id of the folder, unless another server has chosen one meanwhile; returns its id. */
const choose = (store: Store, id: string): Promise<string> =>
  store.write('system', async (work) => {
    const chosen = (await work.installation.find())?.transfersId ?? null;
    if (chosen !== null) return chosen;
    await work.installation.update({ transfersId: id });
    return id;
  });
