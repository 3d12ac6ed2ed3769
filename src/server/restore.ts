// Brings a backup back as a new data directory.

import { constants } from 'node:fs';
import { chmod, copyFile, link, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../app/operator/backup.ts';
import { AppError, invalid } from '../domain/error.ts';
import { exists, makeFolders, syncPath } from '../lib/files.ts';
import { endLostWork } from '../reconcile/intake.ts';
import { storeFile } from '../store/sqlite/database.ts';
import { copyKeys, formatVersion, manifestName, withStoreIn } from './backup.ts';
import { writeInstallation } from './installation.ts';

/**
 * Reads the manifest of a backup. Throws `invalid` for a folder that is not a backup, or whose copy
 * did not finish.
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
 * Brings a backup back as a data directory that is new or empty. The store takes its place last, so
 * a restore that is killed has left no data directory and can be done again. Transfers, which are
 * not in a backup, are forgotten. `by` is the operator's name, for the audit trail of the new
 * store. Throws `invalid` for a folder that is no backup, and `conflict` when there is a store
 * already.
 */
export async function restore(from: string, dataDir: string, by: string): Promise<Manifest> {
  const manifest = await readManifest(from);
  if (await exists(storeFile(dataDir)))
    throw new AppError(
      'conflict',
      `There is a store in ${dataDir} already; give a folder without one, or move it aside.`,
    );
  const part = join(dataDir, 'restored');
  await rm(part, { recursive: true, force: true });
  await makeFolders(part, 0o700);
  await prepareStore(from, part, by);
  await mkdir(join(dataDir, 'engine'), { recursive: true, mode: 0o711 });
  for (const folder of [dataDir, join(dataDir, 'engine')]) await chmod(folder, 0o711);
  await mkdir(join(dataDir, 'transfers'), { recursive: true, mode: 0o700 });
  await restoreTree(join(from, 'engine'), join(dataDir, 'engine'));
  await copyKeys(from, dataDir);
  await writeInstallation(dataDir, manifest.engine);
  // Put a copy in place, not the file that was open here: SQLite would continue to use the index
  // under its old name, beside the index of other processes.
  const whole = join(part, 'whole.db');
  await copyFile(storeFile(part), whole);
  await syncPath(whole);
  await rename(whole, storeFile(dataDir));
  await rm(part, { recursive: true });
  await syncPath(dataDir);
  return manifest;
}

/**
 * Copies the store into a folder and marks it as used by no server. The store is copied first, so
 * that a store that this version cannot read is refused before any other file is copied.
 */
async function prepareStore(from: string, part: string, by: string): Promise<void> {
  try {
    await copyFile(storeFile(from), storeFile(part));
    await withStoreIn(part, (store) =>
      store.write('system', async (work) => {
        for (const { id } of await work.transfers.list()) await work.transfers.remove(id);
        for (const { id } of await work.uploads.list()) await work.uploads.remove(id);
        // Their files are in no backup; they are made again.
        await work.templates.forgetAll();
        await endLostWork(work);
        await work.host.thawAll();
        await work.events.beginAnew();
        const thing = `the backup in ${from}`;
        const id = await work.operatorAudit.begin({ operator: by, action: 'backupRestore', thing });
        await work.operatorAudit.end(id, { thing, outcome: 'done', reason: null });
      }),
    );
  } catch (error) {
    await rm(part, { recursive: true });
    throw error;
  }
}

/**
 * Copies the engine's files. Layers and the files of recipes are never written again, so they are
 * shared with the backup where the file system can do that.
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
