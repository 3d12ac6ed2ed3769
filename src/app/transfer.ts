// Exports and imports of images. An import is opened here and finished here, when all its bytes
// have come (transfer-part.ts takes them); an image is made of them only then.

import type { Firmware } from '../domain/boot.ts';
import { AppError, invalid } from '../domain/error.ts';
import { assertNotFull } from '../domain/host.ts';
import type { ImageId, LayerId, TransferId } from '../domain/ids.ts';
import { parseImageName } from '../domain/image.ts';
import {
  type ExportCompression,
  openTransfersMax,
  parseManifest,
  type Transfer,
  type TransferFormat,
  transferBytesMax,
  transferMs,
} from '../domain/transfer.ts';
import { gbBytes } from '../domain/units.ts';
import type { Content } from '../lib/content.ts';
import { newId } from '../lib/new-id.ts';
import { nameFault } from '../lib/plain-text.ts';
import type { TransferPlace } from '../store/port/transfer.ts';
import type { ChangeContext, ReadContext } from './context.ts';
import { assertHostRoom } from './host.ts';
import { type ImageView, imageGet } from './image.ts';
import { imageStorage } from './layer.ts';
import { assertQuota } from './organisation.ts';

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

interface ExportInput {
  format?: TransferFormat | undefined;
  /** Default: the usual one of the format. */
  compression?: ExportCompression | undefined;
}

/**
 * Asks for an image as one file. Throws `not_found`, `image_not_available`, `invalid` and
 * `no_capacity`.
 */
export async function imageExport(
  context: ChangeContext,
  id: ImageId,
  { format = 'qcow2', compression }: ExportInput = {},
): Promise<Transfer> {
  const { work, organisationId } = context;
  const image = await work.images.get(id);
  context.assertEngineHas('transfer');
  if (image.status !== 'available') {
    throw new AppError(
      'image_not_available',
      `Image ${id} is ${image.status}; only an available image can be exported.`,
    );
  }
  await assertFew(context);
  // The file is no larger than the layers are now, since it is compressed.
  const { storedBytes } = await imageStorage(context, id);
  await assertQuota(context, { storedGb: storedBytes / gbBytes });
  await assertHostRoom(context, storedBytes);
  const transfer = await work.transfers.add({
    id: newId<TransferId>(),
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
    attestation: null,
    expiresAt: work.now() + transferMs,
  });
  context.touched({ imageId: id, transferId: transfer.id });
  const data = compression === undefined ? {} : { compression };
  await context.enqueue([{ kind: 'imageExport', organisationId, transferId: transfer.id, data }]);
  return transfer;
}

interface ImportInput {
  name?: string | undefined;
  bytes: number;
  sha256?: string | undefined;
  manifest?: string | undefined;
  signature?: string | undefined;
}

/**
 * Opens an upload. With a manifest, the file must have the manifest's digest. Throws `invalid`, and
 * `no_capacity` when the host has no room for the file and the layer that is made of it.
 */
export async function imageImport(context: ChangeContext, input: ImportInput): Promise<Transfer> {
  const { work, organisationId } = context;
  context.assertEngineHas('transfer');
  if (input.bytes > transferBytesMax)
    throw invalid(`The file has ${input.bytes} bytes; the most is ${transferBytesMax}.`);
  const manifest = input.manifest === undefined ? null : parseManifest(input.manifest);
  if (manifest && input.sha256 !== undefined && manifest.sha256 !== input.sha256)
    throw invalid(
      `The manifest says that the file has the digest ${manifest.sha256}, and sha256 is ${input.sha256}.`,
    );
  await assertFew(context);
  // The file takes room, and so does the layer that is made of it.
  await assertQuota(context, { images: 1, storedGb: (2 * input.bytes) / gbBytes });
  await assertHostRoom(context, 2 * input.bytes);
  const name = input.name ?? (manifest && [...manifest.name].slice(0, 30).join('').trim());
  const fault = name ? nameFault(name) : null;
  if (fault !== null) throw invalid(`The manifest's name ${fault}; send a name of your own.`);
  const id = newId<TransferId>();
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
    attestation: null,
    expiresAt: work.now() + transferMs,
  });
}

interface FinishInput {
  healImageId?: ImageId | undefined;
  /** The name of the disk in an archive. */
  disk?: string | undefined;
  /** Whether a machine is started on it once before the image is available. */
  bootCheck?: boolean | undefined;
  /** Of an image that stands alone; undefined: as its disk or its manifest says. */
  firmware?: Firmware | undefined;
  tpm?: boolean | undefined;
}

/**
 * Asks for an image of the bytes, which must all have come; or, with `healImageId`, for the repair
 * of that damaged image with them. Throws `not_found`, `conflict`, `invalid`, and `no_capacity`
 * while the host's disk is full; the bytes are kept then, so that it can be asked for again.
 */
export async function transferFinish(
  context: ChangeContext,
  id: TransferId,
  { healImageId, disk, bootCheck, firmware, tpm }: FinishInput = {},
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
  const capacity = await work.host.capacity();
  if (capacity) assertNotFull(capacity);
  const healed =
    healImageId === undefined ? null : await imageToHeal(context, transfer, healImageId);
  const imageId = healed?.imageId ?? (await addImageOf(context, transfer));
  const layerId = healed?.layerId ?? null;
  context.touched({ imageId, transferId: id });
  await work.transfers.update(id, { status: 'building', imageId });
  await context.enqueue([
    {
      kind: 'imageImport',
      organisationId,
      imageId,
      transferId: id,
      layerId,
      data: {
        ...(disk !== undefined && { disk }),
        ...(bootCheck && { bootCheck }),
        ...(firmware !== undefined && { firmware }),
        ...(tpm !== undefined && { tpm }),
      },
    },
  ]);
  return imageGet(context, imageId);
}

/** Adds the image that a job will make of the bytes. Throws `invalid` beyond the quota. */
async function addImageOf(context: ChangeContext, transfer: Transfer): Promise<ImageId> {
  const { work, organisationId } = context;
  await assertQuota(context, { images: 1, builds: 1 });
  const manifest = transfer.manifest === null ? null : parseManifest(transfer.manifest);
  // A manifest can be forged, so its software is shown only when a trusted key has signed it.
  const known = manifest !== null && isTrusted(context, transfer);
  const digests = new Set(known ? manifest.software.map((one) => one.recipeDigest) : []);
  const software = (await work.software.list()).filter((one) => digests.has(one.recipeDigest));
  const sizeGb = Math.max(1, Math.ceil((manifest?.virtualBytes ?? transfer.bytes) / gbBytes));
  const { id } = await work.images.add(
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
  return id;
}

/**
 * Returns a damaged image and its layer, when the file is an export of that layer which a trusted
 * key has signed. Throws `not_found`, `conflict` and `invalid`.
 */
async function imageToHeal(
  context: ChangeContext,
  transfer: Transfer,
  imageId: ImageId,
): Promise<{ imageId: ImageId; layerId: LayerId }> {
  const { layerId, status } = await context.work.images.get(imageId);
  if (status !== 'failed' || layerId === null)
    throw new AppError(
      'conflict',
      `Image ${imageId} is ${status}; only a damaged image can be healed.`,
    );
  if (transfer.manifest === null || !isTrusted(context, transfer))
    throw invalid(
      'An image is healed only with an export whose manifest is signed by this installation, or by one that it trusts.',
    );
  if (parseManifest(transfer.manifest).head.layerId !== layerId)
    throw invalid(
      `The file is not an export of image ${imageId}: it has another head layer than ${layerId}.`,
    );
  return { imageId, layerId };
}

const isTrusted = ({ signer }: ChangeContext, { manifest, signature }: Transfer) =>
  manifest !== null && signature !== null && signer.trusts(manifest, signature);

export const transferList = (
  { work }: ReadContext,
  page: { perPage: number; before: TransferPlace | undefined },
) => work.transfers.page(page);

export const transferGet = ({ work }: ReadContext, id: TransferId): Promise<Transfer> =>
  work.transfers.get(id);

/**
 * Ends a transfer; an image that was made of it stays. The collector removes the bytes after the
 * commit. Throws `not_found`, and `conflict` while a job works on it.
 */
export async function transferDelete(
  { work, touched }: ChangeContext,
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

/** The bytes of a finished export. Throws `not_found`, and `conflict` when there are none. */
export async function transferContent(
  context: ReadContext,
  id: TransferId,
): Promise<{ transfer: Transfer; content: Content }> {
  const transfer = await context.work.transfers.get(id);
  if (transfer.kind !== 'export' || transfer.status !== 'available')
    throw new AppError(
      'conflict',
      `Transfer ${id} has nothing to download: it is ${transfer.status}.`,
    );
  return { transfer, content: await context.blobs.read(id) };
}
