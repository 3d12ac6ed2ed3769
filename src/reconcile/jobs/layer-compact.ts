// Compacts a layer whose chain is long: the layer is rewritten on a lower layer. Its content and
// its id stay, so disks and layers on top of it are not affected.

import { accountRoomBytes } from '../../domain/account.ts';
import { AppError } from '../../domain/error.ts';
import type { LayerId } from '../../domain/ids.ts';
import type { Job } from '../../domain/job.ts';
import {
  chainLayersMax,
  copyAt,
  faultOf,
  isUsable,
  type Layer,
  planCompaction,
  shownStateOf,
  storedBytesOf,
} from '../../domain/layer.ts';
import { localCopy, localPlace } from '../../domain/layer-copy.ts';
import { requirePart } from '../../engine/optional/parts.ts';
import type { Reader, Writer } from '../../store/port/unit-of-work.ts';
import { defineJob, type JobContext, named } from '../job.ts';
import { layerChanged } from '../job-events.ts';
import { verifyCopy } from '../verify.ts';

/** A layer whose compaction failed is left out for so long, so that others get their turn. */
const failedAgainMs = 3600_000;

const kind = 'layerCompact';
type Compaction = Job<typeof kind>;
const layerOf = ({ layerId }: Compaction) => named(layerId, kind, 'layer');

export const layerCompact = defineJob({
  kind,
  attemptsMax: 3,

  async run(context) {
    const { job, engine, call } = context;
    const layerId = layerOf(job);
    await context.phase('comparing the layers with their digests', 0.1);
    for (const id of await context.store.read('system', (work) => layersOf(work, layerId)))
      await compare(context, id);
    const begun = await context.write((work) => begin(work, job));
    if (begun === null) return (work) => releaseLayer(work, job);
    const { parent, data } = begun;
    Object.assign(job.data, data);
    await context.phase('writing the layer anew', 0.2);
    const layers = await context.store.read('system', (work) => work.layers.chain(layerId));
    const chain = layers.map(({ id }) => id);
    const { storedBytes } = await requirePart(engine, 'compact').rewrite(
      { layerId, parentId: parent, chain },
      call,
    );
    return async (work) => {
      const damaged = (await work.layers.chain(layerId)).find((layer) => !isUsable(layer));
      await work.layers.update(layerId, { parentId: parent, jobId: null });
      await work.layerCopies.update(localCopy(layerId), { storedBytes, digest: null });
      if (damaged) await distrust(work, layerId, damaged);
      await askNext(work, job);
    };
  },

  async undo({ job, engine, call, remember }) {
    // When the bytes still have their old digest, nothing was written, and the digest is put back.
    const { digest } = job.data;
    if (digest === undefined) return;
    const verify = requirePart(engine, 'verify');
    const spec = { layerId: layerOf(job), bytesPerSecond: 0 };
    const now = await verify.digest(spec, call).catch((error: unknown) => {
      call.signal.throwIfAborted();
      if (error instanceof AppError && error.retry === 'never') return null;
      throw error;
    });
    // A layer whose file is missing keeps its digest too, so that the file is known when it is
    // back.
    await remember({ unchanged: now === null || now === digest });
  },

  async abandon(work, job) {
    await releaseLayer(work, job);
    const { digest, unchanged } = job.data;
    if (digest !== undefined && unchanged === true)
      await work.layerCopies.update(localCopy(layerOf(job)), { digest });
  },
});

/**
 * Returns the layer and those below it, down to its new parent, which is not included. Returns none
 * when the chain is short or known to be damaged.
 */
async function layersOf(work: Reader, layerId: LayerId): Promise<LayerId[]> {
  if (!(await work.layers.find(layerId))) return [];
  const chain = await work.layers.chain(layerId);
  const parent = planCompaction(chain, chainLayersMax);
  if (parent === null || !chain.every(isUsable)) return [];
  return chain.slice(0, chain.indexOf(parent)).map(({ id }) => id);
}

/**
 * Verifies a layer before its bytes are written into another one. Damage that was not found before
 * would get a digest of its own, and could not be found later.
 */
async function compare(context: JobContext<typeof kind>, id: LayerId): Promise<void> {
  const layer = await context.store.read('system', (work) => work.layers.find(id));
  // A layer that this job has taken was compared by an earlier attempt.
  const copy = layer && copyAt(layer, localPlace);
  if (copy?.state === 'sound' && layer?.state === 'sealed' && layer.jobId === null)
    await verifyCopy(context, copy, 0, context.call);
}

/**
 * Takes the layer for the job, so that nothing compares its bytes, which are about to change.
 * Returns the new parent and the job's data; null when the chain is short or damaged now.
 */
async function begin(
  work: Writer,
  job: Compaction,
): Promise<{ parent: LayerId; data: Compaction['data'] } | null> {
  const layerId = layerOf(job);
  const layer = await work.layers.find(layerId);
  if (!layer) return null;
  const chain = await work.layers.chain(layerId);
  const parent = planCompaction(chain, chainLayersMax);
  if (parent === null || !chain.every(isUsable)) return null;
  const digest = copyAt(layer, localPlace)?.digest ?? null;
  const data = digest === null ? job.data : { ...job.data, digest };
  if (digest !== null) await work.jobs.fencedUpdate(job, { data });
  await work.layers.update(layerId, { jobId: job.id });
  await work.layerCopies.update(localCopy(layerId), { digest: null, verifiedAt: null });
  return { parent: parent.id, data };
}

/** Gives the layer back, so that it can be verified and compacted again. */
async function releaseLayer(work: Writer, job: Compaction): Promise<void> {
  const layer = await work.layers.find(layerOf(job));
  if (layer?.jobId === job.id) await work.layers.update(layer.id, { jobId: null });
}

/**
 * Quarantines the layer, because a layer below it was found damaged meanwhile, and the damaged
 * bytes may be in the new file.
 */
async function distrust(work: Writer, layerId: LayerId, damaged: Layer): Promise<void> {
  const fault = `was written anew from layer ${damaged.id}, which ${faultOf(damaged) ?? `is ${shownStateOf(damaged)}`}`;
  await work.layerCopies.update(localCopy(layerId), { state: 'quarantined', fault });
  await work.layers.update(layerId, { key: null });
  const images = await work.images.failAbove(layerId, `Its layer ${layerId} ${fault}.`);
  await layerChanged(work, 'layer.damaged', layerId, images);
}

/** The next layer to compact; undefined when no chain is too long. */
export const nextToCompact = (work: Reader) =>
  work.layers.lowestAbove(chainLayersMax, work.now() - failedAgainMs);

/**
 * Queues the next compaction unless one is open, or the host has no room for the copy that it
 * writes. Each compaction asks for the next when it ends, so that it keeps up with builds that add
 * layers.
 */
export async function askNext(work: Writer, ending: Job | null): Promise<void> {
  const open = await work.jobs.openOfKind('layerCompact');
  if (open.some(({ id }) => id !== ending?.id)) return;
  const layer = await nextToCompact(work);
  if (!layer) return;
  const organisationId = await work.layers.ownerOf(layer.id);
  if (organisationId === undefined) return;
  const reservedBytes = await scratchBytes(work, layer.id);
  const account = await work.account.host();
  if (account && reservedBytes > accountRoomBytes(account)) return;
  await work.jobs.enqueue([
    { kind: 'layerCompact', organisationId, layerId: layer.id, reservedBytes },
  ]);
}

/** The new file has at most the bytes of the layers that it replaces, and is made beside them. */
async function scratchBytes(work: Reader, layerId: LayerId): Promise<number> {
  const chain = await work.layers.chain(layerId);
  const parent = planCompaction(chain, chainLayersMax);
  return chain
    .slice(0, parent === null ? 0 : chain.indexOf(parent))
    .reduce((sum, layer) => sum + storedBytesOf(layer), 0);
}
