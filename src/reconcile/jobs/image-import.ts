// Import: the bytes that came in become a layer: on the base that they were made from when it is
// here, so that only what differs is stored, else one that stands alone and boots as its manifest
// says, or by its firmware. With the same workflow a damaged layer is healed: the new bytes take
// its place under the same id, and what stands on it can be used again.

import { failedForGood } from '../../domain/error.ts';
import type { ImageId, LayerId } from '../../domain/ids.ts';
import type { Job } from '../../domain/job.ts';
import { type Boot, isUsable, type Layer } from '../../domain/layer.ts';
import { localCopy } from '../../domain/layer-copy.ts';
import { type ManifestBoot, parseManifest, type Transfer } from '../../domain/transfer.ts';
import { gbBytes } from '../../domain/units.ts';
import type { BootFault } from '../../engine/port.ts';
import { sha256File } from '../../lib/files.ts';
import { newId } from '../../lib/new-id.ts';
import type { Writer } from '../../store/port/unit-of-work.ts';
import { defineJob, type JobContext, named } from '../job.ts';
import { assertStands } from '../soundness.ts';
import { leftBytes } from './image-export.ts';

const kind = 'imageImport';
type Import = Job<typeof kind>;

const imageOf = ({ imageId }: Import) => named(imageId, kind, 'image');
const transferOf = ({ transferId }: Import) => named(transferId, kind, 'transfer');

export const imageImport = defineJob({
  kind,
  attemptsMax: 3,

  async run(context) {
    const { job, store, engine, signal, transferPath } = context;
    const [id, imageId, healed] = [transferOf(job), imageOf(job), job.layerId];
    const layerId = healed ?? (await context.begin('layer', newId() as LayerId));
    const { transfer, manifest, base } = await context.write(async (work) => {
      if (healed === null) await work.images.become(imageId, 'building');
      else if ((await work.layers.chain(healed)).every(isUsable))
        throw failedForGood(
          'Nothing is wrong with the image any more: its bytes are as they were. Nothing was changed.',
        );
      const found = await work.transfers.get(id);
      const told = found.manifest === null ? undefined : parseManifest(found.manifest);
      const layer = told?.base ? await work.layers.byKey(told.base.key) : undefined;
      return {
        transfer: found,
        manifest: told,
        base: layer?.kind === 'base' && isUsable(layer) ? layer : null,
      };
    });
    const told = manifest?.boot?.mode === 'direct' ? manifest.boot : null;
    const tail = told && { kernelBytes: told.kernelBytes, initrdBytes: told.initrdBytes };
    const boot = base === null ? bootAlone(context, transfer, told) : null;
    const path = transferPath(id);
    await context.phase('comparing the digest', 0.1);
    const sha256 = await sha256File(path, { signal });
    if (transfer.sha256 !== null && transfer.sha256 !== sha256)
      throw failedForGood(
        `The file has the digest ${sha256}, not ${transfer.sha256}; send it again.`,
      );
    await context.phase('making a layer of it', 0.3);
    // What heals takes the place of what is counted already.
    const bytesMax =
      healed === null
        ? await store.read(job.organisationId, (work) => leftBytes(work, transfer))
        : Number.MAX_SAFE_INTEGER;
    const made = await engine.importLayer(
      { layerId, path, parentId: base?.id ?? null, tail, bytesMax },
      signal,
    );
    const fault =
      boot && healed === null ? await engine.bootFault({ boot, baseLayerId: layerId }) : null;
    if (fault?.sure)
      throw failedForGood(
        `No machine could start from it: ${fault.says}. For an export of Silversmith, give the manifest too that was written beside it (FILE.json).`,
      );
    return async (work) => {
      // Else it is made again, without this base.
      if (base) await assertStands(work, base.id);
      const { organisationId } = job;
      if (healed === null)
        await settleNew(work, imageId, { id: layerId, base, boot, organisationId, ...made }, fault);
      else await settleHealed(work, layerId, base, made);
      await work.transfers.update(id, { status: 'available', sha256 });
    };
  },

  async undo({ job, engine, store, begun }) {
    const id = job.layerId ?? ((await begun()).get('layer') as LayerId | undefined);
    if (id === undefined || (await store.read('system', (work) => work.layers.find(id)))) return;
    await engine.removeLayer(id);
  },

  async abandon(work, job, reason) {
    await work.transfers.update(transferOf(job), {
      status: 'failed',
      statusReason: reason,
    });
    if (job.layerId !== null) return;
    await work.images.become(imageOf(job), 'building');
    await work.images.become(imageOf(job), 'failed', { statusReason: reason });
  },
});

interface Made {
  virtualBytes: number;
  storedBytes: number;
}

/**
 * How what stands alone boots. A kernel that came with it, and what is said to it, count only when
 * somebody who is trusted signed for them.
 */
function bootAlone(
  { signer }: JobContext,
  { manifest, signature }: Transfer,
  told: ManifestBoot | null,
): Boot {
  if (told?.mode !== 'direct') return { mode: 'firmware' };
  if (manifest !== null && signature !== null && signer.trusts(manifest, signature))
    return { mode: 'direct', append: told.append, buildAppend: told.buildAppend };
  throw failedForGood(
    'The image boots with a kernel that follows the disk in its file, and its manifest is signed by nobody who is trusted here. Ask the operator to add the public key of the installation that made it to trusted.keys, or its base image.',
  );
}

async function settleNew(
  work: Writer,
  imageId: ImageId,
  { base, ...layer }: Made & Pick<Layer, 'id' | 'boot' | 'organisationId'> & { base: Layer | null },
  doubt: BootFault | null,
) {
  await work.layers.add({
    ...layer,
    kind: 'capture',
    parentId: base?.id ?? null,
    baseLayerId: base?.id ?? layer.id,
    key: null,
    state: 'sealed',
    jobId: null,
  });
  await work.images.update(imageId, {
    sizeGb: Math.max(1, Math.ceil(layer.virtualBytes / gbBytes)),
  });
  await work.images.become(imageId, 'available', {
    layerId: layer.id,
    ...(doubt && { report: `warning: ${doubt.says}` }),
  });
}

/** The layer has new bytes, which have no digest yet. */
async function settleHealed(
  work: Writer,
  layerId: LayerId,
  base: Layer | null,
  { storedBytes }: Made,
) {
  const now = await work.layers.find(layerId);
  if (now === undefined || now.state === 'deleting')
    throw failedForGood('The image was deleted while it was being healed, and its layer is gone.');
  const change = { state: 'sealed', lostKey: null, parentId: base?.id ?? null } as const;
  await work.layers.update(layerId, change);
  await work.layerCopies.update(localCopy(layerId), {
    state: 'sound',
    fault: null,
    storedBytes,
    digest: null,
    verifiedAt: null,
  });
  await work.images.healAbove(layerId);
}
