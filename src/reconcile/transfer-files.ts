// Removes the files of transfers that are deleted, over, or no longer needed.

import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TransferId } from '../domain/ids.ts';
import type { Dependencies } from './context.ts';
import type { TaskContext } from './task.ts';

/**
 * Removes at once the files of deleted transfers and those that an ended import left. Removes the
 * files of transfers whose time is over when the guard allows it.
 */
export async function removeTransfers({ store, guard, transferPath }: TaskContext): Promise<void> {
  // Listed first: a transfer's row is there before its file.
  const files = await readdir(transferFolder(transferPath));
  const { all, over } = await store.read('system', async (work) => {
    const before = await guard.look(work);
    const all = await work.transfers.list();
    const over =
      before === null
        ? []
        : all.filter((one) => one.status !== 'building' && one.expiresAt <= before);
    return { all, over: guard.mayGo('transfers', over.length, all.length) ? over : [] };
  });
  if (over.length > 0)
    await store.write('system', async (work) => {
      // One that was sent a part meanwhile is not over any more.
      for (const { id, expiresAt } of over)
        if ((await work.transfers.find(id))?.expiresAt === expiresAt)
          await work.transfers.delete(id);
    });
  const deleted = await store.read('system', (work) => work.transfers.deleted());
  const used = all.filter(
    ({ kind, status }) => status === 'failed' || (kind === 'import' && status === 'available'),
  );
  const known = new Set<string>(all.map(({ id }) => id));
  for (const { id, heldBytes } of used) {
    await rm(transferPath(id), { force: true });
    if (heldBytes > 0)
      await store.write('system', (work) => work.transfers.update(id, { heldBytes: 0 }));
  }
  for (const id of deleted) {
    await rm(transferPath(id), { force: true });
    await store.write('system', (work) => work.transfers.remove(id));
  }
  // The rest are parts that were written while their transfer was removed, and files under their
  // temporary names.
  const orphans = files.filter((name) => !known.has(name.replace(/\..*$/, '')));
  for (const name of orphans) await rm(join(transferFolder(transferPath), name), { force: true });
}

const transferFolder = (transferPath: Dependencies['transferPath']) =>
  dirname(transferPath('any' as TransferId));
