// The parts of an upload. Each part begins where the last one ended, so that an upload that was cut
// off can resume there.

import { headBytes } from '../domain/disk-kind.ts';
import { AppError } from '../domain/error.ts';
import { assertRoom } from '../domain/host.ts';
import type { TransferId } from '../domain/ids.ts';
import { assertNextPart, parseManifest, type Transfer, transferMs } from '../domain/transfer.ts';
import { headOf } from '../lib/content.ts';
import type { ChangeContext, ReadContext } from './context.ts';

/**
 * Returns the transfer when the part may be written now. Throws `conflict`, which names the offset
 * to resume at, `invalid`, `not_found` and `no_capacity`.
 */
async function assertTakes(
  { work }: ReadContext,
  id: TransferId,
  offset: number,
  bytes: number,
): Promise<Transfer> {
  const transfer = await work.transfers.get(id);
  if (transfer.status !== 'receiving')
    throw new AppError('conflict', `Transfer ${id} takes no bytes any more.`);
  assertNextPart(`Transfer ${id}`, transfer, offset, bytes);
  // The account has promised room for the whole file; the disk itself may be full all the same.
  const capacity = await work.host.capacity();
  if (capacity) assertRoom(capacity, bytes);
  return transfer;
}

/**
 * Writes the bytes of a part where the last one ended; they are durable when this resolves. Call it
 * before the transaction, because a transaction touches no files. It writes nothing of a part that
 * `transferPart` would refuse. Do not write two parts of one transfer at the same time. Throws
 * `unavailable` when the disk of the uploads is full, and `invalid` when the file is no disk.
 */
export async function transferPartWrite(
  context: ReadContext,
  id: TransferId,
  offset: number,
  content: Buffer,
): Promise<void> {
  const takes = await assertTakes(context, id, offset, content.length).catch((error) => {
    if (error instanceof AppError) return null;
    throw error;
  });
  if (takes === null) return;
  await context.blobs.writePart(id, offset, content).catch((error) => {
    // The transfer was deleted, and its bytes with it; the transaction that follows reports it.
    if (!(error instanceof AppError && error.code === 'not_found')) throw error;
  });
  await assertBegins(context, takes, offset, content);
}

/**
 * Throws `invalid` when the part completes the first bytes of the file, and they are of no disk.
 * The part then does not count, so that no more is sent.
 */
async function assertBegins(
  { blobs, assertTakes }: ReadContext,
  { id, bytes, manifest }: Transfer,
  offset: number,
  content: Buffer,
): Promise<void> {
  const end = offset + content.length;
  if (offset >= headBytes || (end < headBytes && end < bytes)) return;
  const before = offset === 0 ? [] : [await headOf(await blobs.read(id), offset)];
  const head = Buffer.concat([...before, content]).subarray(0, headBytes);
  // A kernel and an initrd may follow the disk.
  const boot = manifest === null ? null : parseManifest(manifest).boot;
  const tailBytes = boot?.mode === 'direct' ? boot.kernelBytes + boot.initrdBytes : 0;
  assertTakes(head, bytes - tailBytes);
}

/** Records a part whose bytes are written. Throws like `assertTakes`. */
export async function transferPart(
  context: ChangeContext,
  id: TransferId,
  offset: number,
  content: Buffer,
): Promise<Transfer> {
  const { work, touched } = context;
  const transfer = await assertTakes(context, id, offset, content.length);
  const percent = (received: number) => Math.floor((received * 100) / transfer.bytes);
  const isMinor = percent(offset) === percent(offset + content.length);
  touched({ transferId: id, isMinor });
  const change = { receivedBytes: offset + content.length, expiresAt: work.now() + transferMs };
  await work.transfers.update(id, change);
  return { ...transfer, ...change };
}
