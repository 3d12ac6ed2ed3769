// Removes the blobs of transfers that are deleted, expired, or no longer needed, and those of the
// uploads of operators that expired.

import type { BlobId } from '../blobs/port.ts';
import type { TransferId, UploadId } from '../domain/ids.ts';
import type { Transfer } from '../domain/transfer.ts';
import type { TaskContext } from './task.ts';

/**
 * Removes at once the blobs of deleted transfers and of ended imports. Removes expired transfers
 * when the guard allows it.
 */
export async function removeBlobs(context: TaskContext): Promise<void> {
  const { store, blobs } = context;
  // The blobs are listed first, because a transfer's row exists before its blob.
  const found = await blobs.list();
  const { all, over } = await findOver(context);
  if (over.length > 0)
    await store.write('system', async (work) => {
      // A transfer that was sent a part meanwhile has a later end.
      const gone: TransferId[] = [];
      for (const { id, expiresAt } of over) {
        if ((await work.transfers.find(id))?.expiresAt !== expiresAt) continue;
        await work.transfers.delete(id);
        gone.push(id);
      }
      await work.events.add('changed', { transferIds: gone });
    });
  const present = new Set(found);
  for (const { id, heldBytes } of all.filter(isUsed)) {
    if (present.has(id)) await blobs.remove(id);
    if (heldBytes > 0)
      await store.write('system', (work) => work.transfers.update(id, { heldBytes: 0 }));
  }
  for (const id of await store.read('system', (work) => work.transfers.deleted())) {
    await blobs.remove(id);
    await store.write('system', (work) => work.transfers.remove(id));
  }
  // The rest belong to transfers and uploads that were removed while a part was written.
  const uploads = await removeUploads(context);
  const known = new Set<BlobId>([...all.map(({ id }) => id), ...uploads]);
  for (const id of found) if (!known.has(id)) await blobs.remove(id);
}

/**
 * Removes the uploads that have expired, when the guard allows it, and resolves to the ids of those
 * that stay.
 */
async function removeUploads({ store, guard }: TaskContext): Promise<UploadId[]> {
  const { all, over } = await store.read('system', async (work) => {
    const before = await guard.look(work);
    const uploads = await work.uploads.list();
    const expired = uploads.filter(({ expiresAt }) => before !== null && expiresAt <= before);
    return { all: uploads, over: expired };
  });
  const gone = new Set(guard.mayGo('uploads', over.length, all.length) ? over : []);
  if (gone.size > 0)
    await store.write('system', async (work) => {
      // An upload that was sent a part meanwhile has a later end.
      for (const { id, expiresAt } of gone)
        if ((await work.uploads.find(id))?.expiresAt === expiresAt) await work.uploads.remove(id);
    });
  return all.filter((one) => !gone.has(one)).map(({ id }) => id);
}

/** Nothing reads the bytes of a failed transfer, or of an import whose image is made. */
const isUsed = ({ kind, status }: Transfer) =>
  status === 'failed' || (kind === 'import' && status === 'available');

/** Returns all transfers, and of them those that have expired and may be removed now. */
function findOver({ store, guard }: TaskContext): Promise<{ all: Transfer[]; over: Transfer[] }> {
  return store.read('system', async (work) => {
    const before = await guard.look(work);
    const all = await work.transfers.list();
    const over = all.filter(
      ({ status, expiresAt }) => before !== null && status !== 'building' && expiresAt <= before,
    );
    return { all, over: guard.mayGo('transfers', over.length, all.length) ? over : [] };
  });
}
