// An empty store of the newest schema. It is made once in each process, and copied for each test,
// because running all migrations takes longer than most tests. test/sqlite shows migrations.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeFile } from '../src/store/sqlite/database.ts';
import { openSqlite } from '../src/store/sqlite/open.ts';

let made: Promise<Buffer> | undefined;

/** Puts the store into an empty folder. */
export async function putMigratedStore(dataDir: string): Promise<void> {
  made ??= make();
  await writeFile(storeFile(dataDir), await made, { flag: 'wx', mode: 0o600 });
}

async function make(): Promise<Buffer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'silversmith-'));
  try {
    const store = await openSqlite({ dataDir, now: Date.now });
    await store.close();
    return await readFile(storeFile(dataDir));
  } finally {
    await rm(dataDir, { recursive: true });
  }
}
