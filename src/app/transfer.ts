// Images on their way out and in. The bytes of an import come in parts, each at the place where the
// last one ended, so that an upload goes on where it was cut off; nothing is made of them before
// all are there.

import { open } from 'node:fs/promises';
import { AppError, invalid } from '../domain/error.ts';
import type { ImageId, LayerId, TransferId } from '../domain/ids.ts';
import { parseImageName } from '../domain/image.ts';
import {
  openTransfersMax,
  parseManifest,
  type Transfer,
  type TransferFormat,
  transferBytesMax,
  transferMs,
} from '../domain/transfer.ts';
import { gbBytes } from '../domain/units.ts';
import { newId } from '../lib/new-id.ts';
import { nameFault } from '../lib/plain-text.ts';
import type { ReadContext, RequestContext } from './context.ts';
import { assertHostRoom, type ImageView, imageGet } from './image.ts';
import { imageStorage } from './storage.ts';
import { assertQuota } from './usage.ts';

async function assertFew({ work }: ReadContext): Promise<void> {
  const open = (await work.transfers.list()).filter(
    (one) => one.status === 'receiving' || one.status === 'building',
  );
  if (open.length >= openTransfersMax) {
    throw invalid(
      `The organisation has ${open.length} transfers under way and the most is ${openTransfersMax}; wait, or delete one.`,
    );
  }
}

/** Asks for an image as one file. Throws not-found and image-not-available. */
export async function imageExport(
  context: RequestContext,
  id: ImageId,
  format: TransferFormat = 'qcow2',
): Promise<Transfer> {
  const { work, organisationId } = context;
  const image = await work.images.get(id);
  if (image.status !== 'available') {
    throw new AppError(
      'image_not_available',
      `Image ${id} is ${image.status}; only an available image can be exported.`,
    );
  }
  await assertFew(context);
  // At most what its layers take now; compressed it is less.
  const { storedBytes } = await imageStorage(context, id);
  await assertQuota(context, { storedGb: storedBytes / gbBytes });
  await assertHostRoom(context, storedBytes, await work.host.promisedBytes());
  const transfer = await work.transfers.add({
    id: newId() as TransferId,
    organisationId,
    kind: 'export',
    format,
    imageId: id,
    name: image.name,
    status: 'building',
    bytes: 0,
    heldBytes: storedBytes,
    receivedBytes: 0,
    sha256: null,
    manifest: null,
    signature: null,
    expiresAt: work.now() + transferMs,
  });
  context.touched({ imageId: id, transferId: transfer.id });
  await work.jobs.enqueue([{ kind: 'imageExport', organisationId, transferId: transfer.id }]);
  return transfer;
}

export interface ImportInput {
  name?: string | undefined;
  bytes: number;
  sha256?: string | undefined;
  manifest?: string | undefined;
  signature?: string | undefined;
}

/** Opens an upload. With a manifest its digest counts. */
export async function imageImport(context: RequestContext, input: ImportInput): Promise<Transfer> {
  const { work, organisationId } = context;
  if (input.bytes > transferBytesMax)
    throw invalid(`The file has ${input.bytes} bytes; the most is ${transferBytesMax}.`);
  const manifest = input.manifest === undefined ? null : parseManifest(input.manifest);
  if (manifest && input.sha256 !== undefined && manifest.sha256 !== input.sha256)
    throw invalid(
      `The manifest says that the file has the digest ${manifest.sha256}, and sha256 is ${input.sha256}.`,
    );
  await assertFew(context);
  await assertQuota(context, { images: 1, storedGb: input.bytes / gbBytes });
  // The file as it comes, and the layer that is made of it.
  await assertHostRoom(context, 2 * input.bytes, await work.host.promisedBytes());
  const name = input.name ?? (manifest && [...manifest.name].slice(0, 30).join('').trim());
  const fault = name ? nameFault(name) : null;
  if (fault !== null) throw invalid(`The manifest's name ${fault}; send a name of your own.`);
  const id = newId() as TransferId;
  context.touched({ transferId: id });
  return work.transfers.add({
    id,
    organisationId,
    kind: 'import',
    format: 'qcow2',
    imageId: null,
    name: name ? parseImageName(name) : '',
    status: 'receiving',
    bytes: input.bytes,
    heldBytes: input.bytes,
    receivedBytes: 0,
    sha256: manifest?.sha256 ?? input.sha256 ?? null,
    manifest: input.manifest ?? null,
    signature: input.signature ?? null,
    expiresAt: work.now() + transferMs,
  });
}

/** The transfer, when the part may be written now. Throws conflict that names where to go on. */
async function assertTakes(
  context: ReadContext,
  id: TransferId,
  offset: number,
  bytes: number,
): Promise<Transfer> {
  const { work } = context;
  const transfer = await work.transfers.get(id);
  if (transfer.status !== 'receiving')
    throw new AppError('conflict', `Transfer ${id} takes no bytes any more.`);
  if (offset !== transfer.receivedBytes)
    throw new AppError(
      'conflict',
      `Transfer ${id} has ${transfer.receivedBytes} bytes; go on at ${transfer.receivedBytes}.`,
    );
  if (bytes === 0) throw invalid('The part is empty; send bytes.');
  if (offset + bytes > transfer.bytes)
    throw invalid(
      `The file was said to have ${transfer.bytes} bytes; with this part it has ${offset + bytes}.`,
    );
  await assertHostRoom(context, bytes);
  return transfer;
}

/**
 * Writes the bytes of a part where the last one ended; durable when it resolves. Not for a
 * transaction, which it would hold up. Nothing is written of a part that `transferPart` is going to
 * refuse. Two parts of one transfer must not be written side by side.
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
  try {
    const file = await open(context.transferPath(id), offset === 0 ? 'w' : 'r+', 0o600);
    try {
      await file.write(content, 0, content.length, offset);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // It was deleted, and its file is gone: the transaction says so.
    if (code === 'ENOENT') return;
    if (code !== 'ENOSPC') throw error;
    throw new AppError(
      'unavailable',
      'The disk of the host is full; the part was not kept. Send it again later.',
    );
  }
}

/** Records a part whose bytes are written. Throws conflict that names where to go on. */
export async function transferPart(
  context: RequestContext,
  id: TransferId,
  offset: number,
  content: Buffer,
): Promise<Transfer> {
  const { work, touched } = context;
  touched({ transferId: id });
  const transfer = await assertTakes(context, id, offset, content.length);
  const change = { receivedBytes: offset + content.length, expiresAt: work.now() + transferMs };
  await work.transfers.update(id, change);
  return { ...transfer, ...change };
}

/**
 * All bytes are there: an image is made of them, or the damaged image that is named is healed with
 * them.
 */
export async function transferFinish(
  context: RequestContext,
  id: TransferId,
  healImageId?: ImageId,
): Promise<ImageView> {
  const { work, organisationId } = context;
  const transfer = await work.transfers.get(id);
  if (transfer.status !== 'receiving')
    throw new AppError('conflict', `Transfer ${id} is ${transfer.status} already.`);
  if (transfer.receivedBytes !== transfer.bytes)
    throw new AppError(
      'conflict',
      `Transfer ${id} has ${transfer.receivedBytes} of ${transfer.bytes} bytes; send the rest, from ${transfer.receivedBytes} on.`,
    );
  let layerId: LayerId | null = null;
  let imageId: ImageId;
  if (healImageId === undefined) {
    await assertQuota(context, { images: 1, builds: 1 });
    const manifest = transfer.manifest === null ? null : parseManifest(transfer.manifest);
    // What a manifest says of software counts only when it is signed by somebody who is trusted.
    const known = manifest !== null && isTrusted(context, transfer);
    const digests = new Set(known ? manifest.software.map((one) => one.recipeDigest) : []);
    const software = (await work.software.list()).filter((one) => digests.has(one.recipeDigest));
    const sizeGb = Math.max(1, Math.ceil((manifest?.virtualBytes ?? transfer.bytes) / gbBytes));
    const image = await work.images.add(
      {
        organisationId,
        name: transfer.name === '' ? null : transfer.name,
        sizeGb,
        source: 'pre_installation',
        baseImageId: null,
        machineId: null,
      },
      software.map((one) => one.id),
    );
    imageId = image.id;
  } else {
    const image = await work.images.get(healImageId);
    const head = image.layerId;
    if (image.status !== 'failed' || head === null)
      throw new AppError(
        'conflict',
        `Image ${image.id} is ${image.status}; only a damaged image can be healed.`,
      );
    if (transfer.manifest === null || !isTrusted(context, transfer))
      throw invalid(
        'An image is healed only with an export whose manifest is signed by this installation, or by one that it trusts.',
      );
    if (parseManifest(transfer.manifest).head.layerId !== head)
      throw invalid(
        `The file is not an export of image ${image.id}: it has another head layer than ${head}.`,
      );
    imageId = image.id;
    layerId = head;
  }
  context.touched({ imageId, transferId: id });
  await work.transfers.update(id, { status: 'building', imageId });
  await work.jobs.enqueue([
    { kind: 'imageImport', organisationId, imageId, transferId: id, layerId },
  ]);
  return imageGet(context, imageId);
}

const isTrusted = ({ signer }: ReadContext, { manifest, signature }: Transfer) =>
  manifest !== null && signature !== null && signer.trusts(manifest, signature);

export const transferGet = ({ work }: ReadContext, id: TransferId): Promise<Transfer> =>
  work.transfers.get(id);

/**
 * Ends a transfer; an image that was made of it stays. Its bytes go when that is committed, by the
 * collector.
 */
export async function transferDelete(
  { work, touched }: RequestContext,
  id: TransferId,
): Promise<void> {
  const transfer = await work.transfers.get(id);
  touched({ imageId: transfer.imageId, transferId: id });
  if (transfer.status === 'building')
    throw new AppError(
      'conflict',
      `Transfer ${id} is being worked on; wait until it is available or failed.`,
    );
  await work.transfers.delete(id);
}

/** The file of a finished export. Throws conflict while it is not there. */
export async function transferContent(
  context: ReadContext,
  id: TransferId,
): Promise<Transfer & { path: string }> {
  const transfer = await context.work.transfers.get(id);
  if (transfer.kind !== 'export' || transfer.status !== 'available')
    throw new AppError(
      'conflict',
      `Transfer ${id} has nothing to download: it is ${transfer.status}.`,
    );
  return { ...transfer, path: context.transferPath(id) };
}
