// The installation that a data directory is: its id, and the engine that all its data belongs to.
// An engine cannot see the data of another one and would report all of it as missing, so a
// directory is opened with its own engine or not at all.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../domain/error.ts';
import { exists, statOrNull, writeWhole } from '../lib/files.ts';
import { newId } from '../lib/new-id.ts';
import { hasStore, storeFile } from '../store/sqlite/database.ts';
import { type Config, type EngineName, engineNames } from './options.ts';

interface Installation {
  /** Differs between any two directories, also when one was restored from a backup of the other. */
  id: string;
  engine: EngineName;
}

const fileIn = (dataDir: string) => join(dataDir, 'installation.json');

/** Null when no server has run on the directory, or only one of a version before this file. */
export async function findInstallation(dataDir: string): Promise<Installation | null> {
  const file = fileIn(dataDir);
  if (!(await exists(file))) return null;
  try {
    const { id, engine } = JSON.parse(await readFile(file, 'utf8')) as Installation;
    if (/^[0-9a-f]{24}$/.test(id) && engineNames.includes(engine)) return { id, engine };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new AppError(
    'unavailable',
    `${file} cannot be understood. Move it aside: the next start of the server writes it anew, from what is in ${join(dataDir, 'engine')}.`,
  );
}

/**
 * Finds the engine by its files, for a directory of an earlier version. Layers count first, because
 * a server that was started with the wrong engine may have left its own file beside them.
 */
async function engineByFiles(dataDir: string): Promise<EngineName | null> {
  const layers = await readdir(join(dataDir, 'engine', 'layers')).catch((error) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (layers.length > 0) return 'qemu';
  return (await exists(join(dataDir, 'engine', 'simulator.json'))) ? 'simulator' : null;
}

/**
 * Throws `unavailable` when the store of a directory with data is gone, because a new and empty one
 * would hide that; and `conflict` for a backup, which a server or a command would change.
 */
export async function assertStoreIsThere({
  dataDir,
  databaseUrl,
}: Pick<Config, 'dataDir' | 'databaseUrl'>): Promise<void> {
  // A path that is not a folder is refused later, by a message that names the path.
  if (!(await statOrNull(dataDir))?.isDirectory()) return;
  if (await exists(join(dataDir, 'backup.json')))
    throw new AppError(
      'conflict',
      `${dataDir} is a backup, which a server would change. Bring it back: silversmith restore --from ${dataDir} --data-dir NEW`,
    );
  if (databaseUrl !== null || (await hasStore(dataDir))) return;
  if ((await findInstallation(dataDir)) === null) return;
  throw new AppError(
    'unavailable',
    `The store ${storeFile(dataDir)} is gone, though ${dataDir} has data. Put it back, or bring a backup back: silversmith restore --from BACKUP --data-dir NEW. When its store is in PostgreSQL, give --database-url. To begin anew, move the folder aside.`,
  );
}

/**
 * Returns the engine that the data belongs to; for a new directory, the requested engine. Throws
 * `conflict` when another engine is requested.
 */
export async function engineOf({
  dataDir,
  engine,
}: Pick<Config, 'dataDir' | 'engine'>): Promise<EngineName> {
  const own = (await findInstallation(dataDir))?.engine ?? (await engineByFiles(dataDir));
  if (own !== null && engine !== null && engine !== own)
    throw new AppError(
      'conflict',
      `The data in ${dataDir} belongs to the ${own} engine, and ${engine} is asked for (--engine or SILVERSMITH_ENGINE). Leave that away to use this data, or give another --data-dir for the ${engine} engine.`,
    );
  return own ?? engine ?? 'qemu';
}

/**
 * Writes the file of the installation when there is none. `id` is a new id. Call it only under the
 * directory's lock. Idempotent.
 */
export async function ensureInstallation(
  dataDir: string,
  engine: EngineName,
  id: string,
): Promise<Installation> {
  return (await findInstallation(dataDir)) ?? writeInstallation(dataDir, engine, id);
}

/** Makes the directory another installation, with an id of its own. */
export async function writeInstallation(
  dataDir: string,
  engine: EngineName,
  id = newId(),
): Promise<Installation> {
  const made = { id, engine };
  await writeWhole(fileIn(dataDir), `${JSON.stringify(made)}\n`, 0o600);
  return made;
}
