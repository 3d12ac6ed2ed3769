// Builds an image from a base and a list of software. The list is put into canonical order, and
// each title is one layer on the layer before. A layer that an earlier build made from the same
// parent and recipe is used again, so a build that failed goes on at the step that failed.

import type { BaseImage } from '../../domain/base.ts';
import { AppError, failedForGood } from '../../domain/error.ts';
import type { BaseImageId, ImageId, JobId, LayerId } from '../../domain/ids.ts';
import { builtImageSizeGb } from '../../domain/image.ts';
import { isOpen, type Job } from '../../domain/job.ts';
import { chainHeightMax, isUsable, type Layer } from '../../domain/layer.ts';
import { canonicalOrder, isFresh, layerKey, type Software } from '../../domain/software.ts';
import { gbBytes } from '../../domain/units.ts';
import { newId } from '../../lib/new-id.ts';
import { plainConsole } from '../../lib/plain-console.ts';
import type { Writer } from '../../store/port/unit-of-work.ts';
import { BuildLog } from '../build-log.ts';
import { defineJob, type JobContext, NotYet, named } from '../job.ts';
import { assertStands } from '../soundness.ts';

const waitForOtherMs = 200;
const waitForShorterMs = 1000;

type Install = 'imageInstall' | 'imageReuse';
const imageOf = ({ imageId, kind }: Job<Install>) => named(imageId, kind, 'image');

interface Step {
  software: Software;
  position: number;
  parent: Layer;
  key: string;
  sizeBytes: number;
  /** The most that the steps after it may write. */
  restBytes: number;
  isFresh(layer: Layer): boolean;
}

const bytesOf = (list: readonly Software[]) =>
  Math.ceil(list.reduce((sum, { sizeGb }) => sum + sizeGb * gbBytes, 0));

const install = {
  attemptsMax: 4,

  async run(context: JobContext<Install>) {
    const imageId = imageOf(context.job);
    const { base, list } = await context.write((work) => begin(work, imageId));
    let head = await context.store.read('system', (work) => work.layers.get(base.layerId));
    let key = head.key ?? head.id;
    for (const [index, software] of list.entries()) {
      await context.phase(
        `installing ${software.name} (${index + 1} of ${list.length})`,
        index / list.length,
      );
      key = layerKey(key, software.recipeDigest);
      const sizeGb = builtImageSizeGb(
        base.sizeGb,
        list.slice(0, index + 1).map((item) => item.sizeGb),
      );
      const step = {
        software,
        position: index + 1,
        parent: head,
        key,
        sizeBytes: Math.max(sizeGb * gbBytes, head.virtualBytes),
        restBytes: bytesOf(list.slice(index + 1)),
        isFresh: freshness(context, software, head),
      };
      head = await ensureStep(context, step, base.id);
    }
    return async (work: Writer) => {
      await assertStands(work, head.id);
      await work.images.become(imageId, 'available', { layerId: head.id });
      await work.packageLists.want(head.id);
    };
  },

  async abandon(work: Writer, job: Job<Install>, reason: string) {
    const imageId = imageOf(job);
    await work.images.become(imageId, 'building');
    await work.images.become(imageId, 'failed', { statusReason: reason });
  },
};

/** Needs a build machine for some step, as far as the request could tell. */
export const imageInstall = defineJob<'imageInstall'>({ kind: 'imageInstall', ...install });
/** Finds all of its steps in the build cache; becomes an `imageInstall` when one has gone. */
export const imageReuse = defineJob<'imageReuse'>({ kind: 'imageReuse', ...install });

function freshness({ job, clock }: JobContext<Install>, { recipe }: Software, parent: Layer) {
  const refreshedSince = job.data.refresh === true ? job.createdAt : null;
  return (layer: Layer) => isFresh(layer, { recipe, parent, refreshedSince, now: clock.now() });
}

async function begin(
  work: Writer,
  imageId: ImageId,
): Promise<{ base: BaseImage; list: Software[] }> {
  await work.images.become(imageId, 'building');
  const image = await work.images.get(imageId);
  const wanted = new Set((await work.images.softwareOf([imageId])).map((row) => row.softwareId));
  const catalogue = await work.software.list();
  const list = canonicalOrder(catalogue.filter((software) => wanted.has(software.id)));
  if (image.baseImageId === null) throw failedForGood('The image names no base.');
  return { base: await work.bases.get(image.baseImageId), list };
}

/**
 * Returns the sealed layer of a step, which is found in the build cache or built now. Throws NotYet
 * while another build makes it.
 */
async function ensureStep(
  context: JobContext<Install>,
  step: Step,
  baseId: BaseImageId,
): Promise<Layer> {
  const { clock, engine, call, job } = context;
  const { software, position, parent } = step;
  const imageId = imageOf(job);
  const startedAt = clock.now();
  const { layer, mine } = await context.write((work) => reserve(work, step, job.id));
  const record = (work: Writer, cache: 'hit' | 'miss', exitCode: number | null, output: string) =>
    work.images.recordStep(imageId, {
      position,
      softwareId: software.id,
      cache,
      exitCode,
      durationMs: clock.now() - startedAt,
      output,
    });
  if (layer.state === 'sealed') {
    await context.write((work) => work.layers.update(layer.id, { usedAt: work.now() }));
    // A retry finds its own earlier steps sealed. They were recorded when they were built.
    const recorded = await context.store.read('system', (work) => work.images.steps(imageId));
    if (!recorded.some((one) => one.position === position))
      await context.write(async (work) => {
        await record(work, 'hit', null, '');
        const facts = { position, software: software.name, lines: [], cache: 'hit' } as const;
        await work.events.addLog(imageId, { ...facts, lines: [] });
      });
    return layer;
  }
  if (job.kind === 'imageReuse')
    throw new NotYet(`${software.name} is not in the build cache any more`, 0, 'imageInstall');
  if (!mine)
    throw new NotYet(`${software.name} is being installed by another build`, waitForOtherMs);

  const spec = {
    layerId: layer.id,
    parentId: parent.id,
    ...(await context.store.read('system', (work) => work.layers.bootOf(parent))),
    sizeBytes: step.sizeBytes,
    recipe: software.recipe,
    label: software.name,
  };
  const log = new BuildLog(context.write, imageId, { position, software: software.name });
  const built = await engine.buildLayer({ ...spec, onLine: log.add }, call).catch(async (error) => {
    const shown = error instanceof AppError ? error.output : undefined;
    const writeRest = await log.end();
    if (shown !== undefined)
      await context.write(async (work) => {
        await record(work, 'miss', null, plainConsole(shown));
        await writeRest(work, { cache: 'miss', exitCode: null });
      });
    throw error;
  });
  const writeRest = await log.end();
  const sealed = await context.write(async (work) => {
    await record(work, 'miss', built.exitCode, built.output);
    await writeRest(work, { cache: 'miss', exitCode: built.exitCode });
    await work.bases.prove(baseId);
    if (built.exitCode === 0) {
      await work.layers.seal(layer.id, built);
      // Its bytes count from now on, so they are not reserved any more.
      const reservedBytes = Math.min(job.reservedBytes, step.restBytes);
      await work.jobs.fencedUpdate(job, { reservedBytes });
    }
    return work.layers.get(layer.id);
  });
  if (built.exitCode !== 0) {
    const lines = built.output.trimEnd().split('\n').slice(-5).join('\n');
    throw failedForGood(
      `Step ${position}, ${software.name}, failed with exit status ${built.exitCode}. Its last lines:\n${lines}`,
    );
  }
  return sealed;
}

/**
 * Returns the layer of a step that has its key. A layer that stands on a damaged layer, that is
 * half-made on another parent, or that is too old, loses its key and is not returned.
 */
async function usable(work: Writer, { key, parent, isFresh }: Step): Promise<Layer | undefined> {
  const found = await work.layers.byKey(key);
  if (!found) return undefined;
  const chain = await work.layers.chain(found.id);
  const stands = chain.slice(1).every(isUsable) && isFresh(found);
  if (stands && (found.state !== 'building' || found.parentId === parent.id)) return found;
  await work.layers.update(found.id, { key: null });
  return undefined;
}

/**
 * Returns the row of a step's layer: found, taken over from a build that has ended, or new. `mine`
 * says that this job is to build it.
 */
async function reserve(
  work: Writer,
  step: Step,
  jobId: JobId,
): Promise<{ layer: Layer; mine: boolean }> {
  const { key, parent, sizeBytes } = step;
  await assertStands(work, parent.id);
  const height = (await work.layers.chain(parent.id)).length;
  const found = await usable(work, step);
  if (found) {
    if (found.state !== 'building' || found.jobId === jobId)
      return { layer: found, mine: found.state === 'building' };
    const owner = found.jobId === null ? null : await work.jobs.get(found.jobId);
    const ended = owner === null || !isOpen(owner);
    if (!ended || found.jobId === null || found.jobId < jobId) {
      const taken = ended && (await work.layers.takeOver(found.id, found.jobId, jobId));
      return { layer: { ...found, jobId: taken ? jobId : found.jobId }, mine: taken };
    }
    // The engine has seen a later job on this layer, so it would refuse this one: make another.
    await work.layers.update(found.id, { key: null });
  }
  if (height >= chainHeightMax)
    throw new NotYet(
      `the chain below this step has ${height} layers, and is being shortened`,
      waitForShorterMs,
    );
  const layer = {
    id: newId<LayerId>(),
    kind: 'software' as const,
    parentId: parent.id,
    baseLayerId: parent.baseLayerId,
    key,
    state: 'building' as const,
    virtualBytes: sizeBytes,
    storedBytes: null,
    jobId,
    organisationId: null,
    boot: null,
  };
  await work.layers.add(layer);
  return { layer: await work.layers.get(layer.id), mine: true };
}
