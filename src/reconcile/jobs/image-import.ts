// Imports an uploaded file as a layer. When the base that it was made from is here, the layer
// stands on that base and stores only the difference. Otherwise it stands alone, and boots as its
// manifest says or by its firmware. The same job heals a damaged layer: the new bytes take the
// place of the old ones under the same id, and the images and disks on top of the layer can be used
// again.

import type { BootProfile, GivenBoot } from '../../domain/boot.ts';
import { failedForGood } from '../../domain/error.ts';
import type { ImageId, LayerId } from '../../domain/ids.ts';
import type { Job } from '../../domain/job.ts';
import { isUsable, type Layer } from '../../domain/layer.ts';
import { type ManifestBoot, parseManifest, type Transfer } from '../../domain/transfer.ts';
import { gbBytes } from '../../domain/units.ts';
import { requirePart } from '../../engine/optional/parts.ts';
import { settledBoot } from '../../engine/optional/settled-boot.ts';
import { partsOf } from '../../engine/optional/transfer.ts';
import type { RootBoot } from '../../engine/port/layers.ts';
import { sha256Of } from '../../lib/content.ts';
import { newId } from '../../lib/new-id.ts';
import type { Writer } from '../../store/port/unit-of-work.ts';
import { stateIn } from '../firmware-state.ts';
import { recordHealed } from '../heal.ts';
import { endIntake, withIntake } from '../intake.ts';
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
    const { job, store, engine, signal, call, blobs } = context;
    const [id, imageId, healed] = [transferOf(job), imageOf(job), job.layerId];
    const layerId = healed ?? (await context.begin('layer', newId<LayerId>()));
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
    const given = base === null ? bootAlone(context, transfer, manifest?.boot) : null;
    const firmwareState = manifest?.boot && stateIn(manifest.boot);
    await context.phase('comparing the digest', 0.1);
    const file = await blobs.read(id);
    const sha256 = await sha256Of(file, signal);
    if (transfer.sha256 !== null && transfer.sha256 !== sha256)
      throw failedForGood(
        `The file has the digest ${sha256}, not ${transfer.sha256}; send it again.`,
      );
    // A layer on a base boots with the kernel of that base.
    const isPacked = manifest?.format === 'raw' && (manifest.compression ?? 'none') !== 'none';
    const parts = isPacked ? { disk: file, tail: told } : partsOf(file, told);
    await context.phase('making a layer of it', 0.3);
    // A healed layer replaces bytes that are counted already, so no quota limits it.
    const bytesMax =
      healed === null
        ? await store.read(job.organisationId, (work) => leftBytes(work, transfer))
        : Number.MAX_SAFE_INTEGER;
    const onBase = { parentId: base?.id ?? null, firmwareState };
    const spec = { layerId, ...onBase, bytesMax, wanted: job.data.disk };
    const intake = { layerId, organisationId: job.organisationId, coveredBytes: transfer.bytes };
    const take = () =>
      withIntake(store, intake, (room) =>
        requirePart(engine, 'transfer').importLayer({ ...spec, ...parts, room }, call),
      );
    // Two that ended each other for want of room would do so again.
    const made = await (job.failures === 0 ? take() : context.alone('intake', take));
    const isNew = healed === null;
    const { boot, says } = await settledRoot(context, layerId, given);
    const warnings =
      boot && isNew
        ? [...says, ...(await judgedRoot(context, { boot, baseLayerId: layerId }))]
        : [];
    if (job.data.bootCheck && isNew) await bootOnce(context, { id: layerId, base, boot, ...made });
    return async (work) => {
      // Throws NotYet when the base left, so that the layer is made again without it.
      if (base) await assertStands(work, base.id);
      const { organisationId } = job;
      if (healed === null)
        await settleNew(
          work,
          imageId,
          { id: layerId, base, boot, organisationId, ...made },
          warnings,
        );
      else await settleHealed(work, layerId, base, made);
      await work.transfers.update(id, { status: 'available', sha256 });
      await endIntake(work, layerId);
    };
  },

  async undo({ job, engine, store, begun, call }) {
    const ids = await begun();
    const trial = ids.get('trial') as LayerId | undefined;
    if (trial !== undefined) await engine.removeLayer(trial, call);
    const id = job.layerId ?? (ids.get('layer') as LayerId | undefined);
    if (id !== undefined) await store.write('system', (work) => endIntake(work, id));
    if (id === undefined || (await store.read('system', (work) => work.layers.find(id)))) return;
    await engine.removeLayer(id, call);
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

/** Returns warnings about a root that stands alone. Throws when no machine could start from it. */
async function judgedRoot({ engine, call }: JobContext, root: RootBoot): Promise<string[]> {
  const fault = await engine.bootCheck?.fault(root, call);
  if (fault?.sure)
    throw failedForGood(
      `No machine could start from it: ${fault.says}. For an export of Silversmith, give the manifest too that was written beside it (FILE.json).`,
    );
  const growth = await engine.bootCheck?.growthFault(root, call);
  return [
    ...(fault ? [`warning: ${fault.says}`] : []),
    ...(growth ? [`warning: its system does not use a larger disk: ${growth}`] : []),
  ];
}

/**
 * Completes the boot profile of a root that stands alone. A board that this host does not have is
 * replaced by its newest one, with a warning.
 */
async function settledRoot(
  { engine, call }: JobContext,
  layerId: LayerId,
  given: GivenBoot | null,
): Promise<{ boot: BootProfile | null; says: string[] }> {
  if (given === null) return { boot: null, says: [] };
  const { board, ...rest } = given;
  const boards = await engine.bootCheck?.boards(call);
  const isKnown = board === undefined || boards?.all.includes(board) === true;
  const boot = await settledBoot(engine, { layerId, boot: isKnown ? given : rest }, call);
  const now = boot.board ?? 'one of its own';
  const says = `warning: its machines had the board ${board}, which this host does not have; they get ${now}`;
  return { boot, says: isKnown ? [] : [says] };
}

/** Throws when a machine on the new layer does not come up. */
async function bootOnce(
  { engine, settings, call, begin, phase }: JobContext,
  {
    id,
    base,
    boot,
    virtualBytes,
  }: Made & { id: LayerId; base: Layer | null; boot: BootProfile | null },
): Promise<void> {
  const how = base?.boot ?? boot;
  if (!how)
    throw failedForGood(
      'How the base of the image boots is not known; import it without the boot check.',
    );
  await phase('starting a machine on it once', 0.6);
  await requirePart(engine, 'trial').bootOnce(
    {
      trialId: await begin('trial', newId<LayerId>()),
      layerId: id,
      boot: how,
      baseLayerId: base?.id ?? id,
      chain: base ? [id, base.id] : [id],
      sizeBytes: virtualBytes,
      timeoutMs: how.readyMs ?? settings.readyMs,
    },
    call,
  );
}

interface Made {
  virtualBytes: number;
  storedBytes: number;
}

/**
 * Returns how a layer that stands alone boots. A kernel in the file, and its command line, are used
 * only when a trusted key signed the manifest.
 */
function bootAlone(
  { signer, job }: JobContext<typeof kind>,
  { manifest, signature }: Transfer,
  told: ManifestBoot | undefined,
): GivenBoot {
  const { firmware, tpm = told?.tpm } = job.data;
  const hardware = {
    ...(tpm && { tpm }),
    ...(told?.stateCopy !== undefined && { stateCopy: told.stateCopy }),
    ...(told?.board !== undefined && { board: told.board }),
  };
  if (firmware !== undefined || told?.mode !== 'direct')
    return { ...hardware, mode: firmware ?? told?.firmware ?? 'found' };
  const { append, buildAppend } = told;
  if (manifest !== null && signature !== null && signer.trusts(manifest, signature))
    return { ...hardware, mode: 'direct', append, buildAppend };
  throw failedForGood(
    'The image boots with a kernel that follows the disk in its file, and its manifest is signed by nobody who is trusted here. Ask the operator to add the public key of the installation that made it to trusted.keys, or its base image.',
  );
}

async function settleNew(
  work: Writer,
  imageId: ImageId,
  { base, ...layer }: Made & Pick<Layer, 'id' | 'boot' | 'organisationId'> & { base: Layer | null },
  warnings: readonly string[],
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
    ...(warnings.length > 0 && { report: warnings.join('\n') }),
  });
  await work.packageLists.want(layer.id);
}

/** Records that the layer has new bytes, whose digest is not taken yet. */
async function settleHealed(
  work: Writer,
  layerId: LayerId,
  base: Layer | null,
  { storedBytes }: Made,
) {
  const now = await work.layers.find(layerId);
  if (now === undefined || now.state === 'deleting')
    throw failedForGood('The image was deleted while it was being healed, and its layer is gone.');
  await recordHealed(work, layerId, { parentId: base?.id ?? null }, storedBytes);
}
