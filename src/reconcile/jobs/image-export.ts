// Exports an image: its chain becomes one file that stands alone, beside a signed manifest that
// describes the file.

import { accountRoomBytes } from '../../domain/account.ts';
import { AppError, failedForGood, failedForNow } from '../../domain/error.ts';
import { gb } from '../../domain/host.ts';
import type { Job } from '../../domain/job.ts';
import { withProvenance } from '../../domain/provenance.ts';
import {
  fileEnding,
  type Manifest,
  type Transfer,
  usualCompression,
} from '../../domain/transfer.ts';
import { gbBytes } from '../../domain/units.ts';
import { requirePart } from '../../engine/optional/parts.ts';
import { piecesOf } from '../../lib/content.ts';
import { envelopeOf } from '../../lib/envelope.ts';
import { sha256OfPieces } from '../../lib/files.ts';
import { HoleFinder } from '../../lib/holes.ts';
import type { Reader } from '../../store/port/unit-of-work.ts';
import { manifestBoot } from '../firmware-state.ts';
import { defineJob, named } from '../job.ts';
import { verifyChain } from '../verify.ts';

const kind = 'imageExport';
const transferOf = (job: Job<typeof kind>) => named(job.transferId, kind, 'transfer');

/**
 * Returns the bytes that an export's file or an import's layer may take: what the organisation's
 * quota and the host's account leave, and what the transfer has reserved in both. Throws when
 * nothing is left.
 */
export async function leftBytes(
  { usage, account }: Reader,
  { kind, bytes, heldBytes }: Transfer,
): Promise<number> {
  const own = kind === 'import' ? heldBytes + bytes : heldBytes;
  const { quotas, used } = await usage.of(['storedGb']);
  const left = Math.floor(quotas.storedGb * gbBytes) - (await usage.storedBytes()) + own;
  if (left <= 0)
    throw failedForGood(
      `The organisation has ${used.storedGb} GB stored, and the most is ${quotas.storedGb}; delete images or exports, or ask the operator for more.`,
    );
  const host = await account.host();
  if (!host) return left;
  const coming = kind === 'import' ? bytes : heldBytes;
  const onHost = Math.floor(accountRoomBytes(host)) + coming;
  if (onHost <= 0)
    throw failedForNow(
      `This may take ${gb(coming)} GB and ${gb(onHost)} GB are left on the host; delete images, wait until other work is done, or ask the operator.`,
    );
  return Math.min(left, onHost);
}

export const imageExport = defineJob({
  kind,
  attemptsMax: 3,

  async run(context) {
    const { job, store, engine, signal, call, signer, blobs, clock } = context;
    const id = transferOf(job);
    const found = await store.read('system', async (work) => {
      const transfer = await work.transfers.get(id);
      const image =
        transfer.imageId === null ? undefined : await work.images.find(transfer.imageId);
      if (!image || image.layerId === null)
        throw new AppError('image_not_available', 'The image was deleted before it was exported.');
      const [head] = await work.layers.chain(image.layerId);
      if (!head) throw failedForGood('The image has no layer.');
      const base = (await work.bases.list()).find((one) => one.layerId === head.baseLayerId);
      const baseKey = (await work.layers.get(head.baseLayerId)).key;
      const boot = await work.layers.bootOf(head);
      const catalogue = await work.software.list();
      const softwareIds = (await work.images.softwareOf([image.id])).map((row) => row.softwareId);
      return {
        transfer,
        image,
        head,
        base,
        baseKey,
        boot,
        software: catalogue.filter((one) => softwareIds.includes(one.id)),
      };
    });
    const { transfer, image, head, base, baseKey, boot, software } = found;
    await context.phase('verifying the layers', 0.1);
    await verifyChain(context, head.id);
    await context.phase('writing the file', 0.3);
    const { format } = transfer;
    const compression = job.data.compression ?? usualCompression(format);
    const bytesMax = await store.read(job.organisationId, (work) => leftBytes(work, transfer));
    const spec = { layerId: head.id, format, compression, to: blobs.sink(id), bytesMax, ...boot };
    const written = await requirePart(engine, 'transfer').exportLayer(spec, call);
    const { bytes, heldBytes, tail, firmwareState } = written;
    await context.phase('taking its digest', 0.8);
    const finder = new HoleFinder();
    const pieces = piecesOf(await blobs.read(id), signal);
    const sha256 = await sha256OfPieces(finder.watch(pieces));
    const { holes } = finder;
    const manifest: Manifest = {
      version: 1,
      name: image.name,
      format,
      compression,
      bytes,
      ...(holes.length > 0 && { holes }),
      sha256,
      virtualBytes: head.virtualBytes,
      base: base && baseKey !== null ? { name: base.name, key: baseKey } : null,
      boot: manifestBoot(boot.boot, tail, firmwareState),
      head: { layerId: head.id, key: head.key },
      software: software.map(({ name, recipeDigest }) => ({ name, recipeDigest })),
      createdAt: new Date(clock.now()).toISOString(),
    };
    const made = { imageId: image.id, source: image.source, transferId: id, signerId: signer.id };
    const file = `${image.name}${fileEnding({ format, manifest: JSON.stringify(manifest) })}`;
    const text = JSON.stringify(withProvenance(manifest, { file, ...made }));
    return async (work) => {
      await work.transfers.update(id, {
        status: 'available',
        bytes,
        heldBytes,
        sha256,
        manifest: text,
        signature: signer.sign(text),
        attestation: envelopeOf(text, signer),
      });
    };
  },

  async undo({ job, blobs }) {
    await blobs.remove(transferOf(job));
  },

  async abandon(work, job, reason) {
    await work.transfers.update(transferOf(job), { status: 'failed', statusReason: reason });
  },
});
