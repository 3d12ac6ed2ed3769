// Keeps servers away from a store for as long as a command changes what a server keeps in memory.

import { AppError } from '../domain/error.ts';
import { tryHoldAlone } from '../store/postgres/serving.ts';
import { tryLockDataDir } from '../store/sqlite/lock.ts';
import type { Config } from './options.ts';

interface Exclusive {
  release(): void | Promise<void>;
}

/** Null while a server runs on the store. */
export const tryExclusive = async ({ dataDir, databaseUrl }: Config): Promise<Exclusive | null> =>
  databaseUrl === null ? tryLockDataDir(dataDir) : tryHoldAlone(databaseUrl);

/** Throws `unavailable` while a server runs on the store. */
export async function exclusive(config: Config): Promise<Exclusive> {
  const held = await tryExclusive(config);
  if (held !== null) return held;
  const where = config.databaseUrl === null ? config.dataDir : 'the database';
  throw new AppError(
    'unavailable',
    `Another server is running on ${where}. Stop every server on it first.`,
  );
}
