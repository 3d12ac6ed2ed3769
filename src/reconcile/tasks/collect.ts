// Removes the disks, layers and files that are not needed. A disk or layer is marked in one
// transaction, so that nothing can begin to use it. After a delay its bytes are removed, and then
// its row. A backup's freeze stops all of this until the backup has its copies.

import type { Disk } from '../../domain/disk.ts';
import { type Layer, storedBytesOf } from '../../domain/layer.ts';
import { localCopy } from '../../domain/layer-copy.ts';
import { withoutJob } from '../../engine/port/call.ts';
import type { Reader, Writer } from '../../store/port/unit-of-work.ts';
import { settleAbandoned } from '../abandoned.ts';
import { evict } from '../build-cache.ts';
import type { Settings } from '../context.ts';
import {
  expire,
  keptBeyondQuota,
  planRemoval,
  pruneAudit,
  pruneEvents,
  type Removal,
  release,
} from '../expire.ts';
import { forgetRows } from '../forget.ts';
import { missing, quarantine } from '../quarantine.ts';
import type { Task, TaskContext } from '../task.ts';
import { removeBlobs } from '../transfer-blobs.ts';

const chainRoundsMax = 100;
/** So many layers, and those below them, are marked in one run. */
const markedMax = 1000;

export const collect: Task = {
  everyMs: 30_000,
  scope: 'host',
  async run(context) {
    const { store, settings } = context;
    await settleAbandoned(context);
    // This removes no file, so it waits for no guard: work that goes on counts itself again.
    if (await store.read('system', (work) => work.intakes.hasExpired(work.now())))
      await store.write('system', (work) => work.intakes.removeExpired(work.now()));
    if (await store.read('system', isFrozen)) return;
    await removeBlobs(context);
    const removal = await planRemoval(context);
    const beyond = await store.survey('system', keptBeyondQuota);
    const disks = await store.write('system', (work) =>
      markDisks(work, { removal, beyond }, settings),
    );
    logReleased(context, disks.released);
    await pruneAudit(context);
    await pruneEvents(context);
    await forgetRows(context);
    if (await store.survey('system', (work) => work.host.hasLooseTallies()))
      await store.write('system', (work) => work.host.joinTallies());
    const failures = await removeDisks(context, disks.over);
    failures.push(...(await removeTemplates(context)));
    await takeUpLayers(context);
    const layers = await markLayers(context);
    logEvicted(context, layers.evicted);
    failures.push(...(await removeLayers(context, layers.over)));
    if (failures.length > 0)
      throw new AggregateError(failures, `${failures.length} disks or layers cannot be removed`);
  },
};

/** Asked again in each transaction that marks something, because a backup may begin meanwhile. */
const isFrozen = async (work: Reader) => (await work.host.frozen()).length > 0;

/**
 * Marks disks. `released` gave way to newer disks of their organisation; `over` were marked long
 * enough ago to lose their bytes.
 */
async function markDisks(
  work: Writer,
  { removal, beyond }: { removal: Removal; beyond: readonly Disk[] },
  settings: Settings,
): Promise<{ released: Disk[]; over: Disk[] }> {
  if (await isFrozen(work)) return { released: [], over: [] };
  await expire(work, removal, settings);
  const released = await release(work, beyond);
  await work.disks.markDeleting();
  await work.disks.takeUp();
  return { released, over: await work.disks.deleting(work.now() - settings.collectDelayMs) };
}

/**
 * The same for layers; `evicted` left the build cache. All layers are looked at outside of the
 * transaction, which then looks at those alone that were found: a transaction conflicts with every
 * other one that changes something it has read.
 */
async function markLayers({
  store,
  settings,
}: TaskContext): Promise<{ evicted: Layer[]; over: Layer[] }> {
  const evicted = await evict(store, settings.cacheBytesMax);
  const found = await store.survey('system', (work) => work.layers.unneeded(markedMax));
  const over = await store.write('system', async (work) => {
    if (await isFrozen(work)) return [];
    await work.layers.markDeleting(found);
    return work.layers.deleting(work.now() - settings.collectDelayMs);
  });
  return { evicted, over };
}

function logReleased({ log }: TaskContext, disks: readonly Disk[]): void {
  for (const { id: disk, machineId: machine, organisationId: organisation } of disks)
    log.info({ disk, machine, organisation }, 'a kept disk gives way to newer ones');
}

function logEvicted({ log }: TaskContext, layers: readonly Layer[]): void {
  for (const layer of layers)
    log.info({ layer: layer.id, bytes: storedBytesOf(layer) }, 'a step leaves the build cache');
}

/**
 * Removes each disk. A disk that cannot be removed does not keep the others from it. Resolves to
 * the errors.
 */
async function removeDisks(
  { store, engine, log, signal }: TaskContext,
  disks: Disk[],
): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (const { id } of disks) {
    signal.throwIfAborted();
    try {
      await engine.removeDisk(id, withoutJob(signal));
      await store.write('system', (work) => work.disks.remove(id));
    } catch (error) {
      failures.push(error);
      log.error({ err: error, disk: id }, 'a disk cannot be removed; it is tried again');
    }
  }
  return failures;
}

/** The same for templates; the layer that one stood for is not needed by it any more. */
async function removeTemplates({
  store,
  engine,
  settings,
  log,
  signal,
}: TaskContext): Promise<unknown[]> {
  const failures: unknown[] = [];
  const over = await store.read('system', async (work) => {
    // A job that is cancelled undoes what it made first.
    const jobs = await work.jobs.openOfKind('templateMake');
    const before = work.now() - settings.collectDelayMs;
    return (await work.templates.list()).filter(
      ({ id, deletingAt }) =>
        deletingAt !== null &&
        deletingAt <= before &&
        !jobs.some(({ data }) => data.templateId === id),
    );
  });
  for (const { id } of over) {
    signal.throwIfAborted();
    try {
      await engine.instant?.removeTemplate(id, withoutJob(signal));
      await store.write('system', (work) => work.templates.remove(id));
    } catch (error) {
      failures.push(error);
      log.error({ err: error, template: id }, 'a template cannot be removed; it is tried again');
    }
  }
  return failures;
}

/** Like removeDisks. A child goes first; its parent goes in the same run. */
async function removeLayers(
  { store, engine, log, signal }: TaskContext,
  first: Layer[],
): Promise<unknown[]> {
  const failures: unknown[] = [];
  const queue = [...first];
  for (let layer = queue.shift(); layer; layer = queue.shift()) {
    signal.throwIfAborted();
    const { id, parentId, deletingAt } = layer;
    try {
      await engine.removeLayer(id, withoutJob(signal));
      await store.write('system', (work) => work.layers.remove(id));
    } catch (error) {
      failures.push(error);
      log.error({ err: error, layer: id }, 'a layer cannot be removed; it is tried again');
      continue;
    }
    if (parentId === null || deletingAt === null) continue;
    const next = await store.read('system', (work) => work.layers.deleting(deletingAt));
    queue.push(...next.filter((one) => one.id === parentId));
  }
  return failures;
}

/**
 * Takes up again each layer that is marked though something stands on it. A layer whose bytes are
 * gone already is quarantined, so that what stands on it says why.
 */
async function takeUpLayers(context: TaskContext): Promise<void> {
  const { store, engine, log, signal } = context;
  // Each may stand on another that is marked.
  for (let rounds = 0; rounds < chainRoundsMax; rounds++) {
    const found = await store.survey('system', (work) => work.layers.deletingInUse());
    if (found.length === 0) return;
    const has = await engine.inventory(withoutJob(signal));
    for (const layer of found) {
      const message =
        'a layer was marked for removal though something stands on it; it is taken up again';
      log.error({ layer: layer.id }, message);
      if (!has.layers.has(layer.id))
        await quarantine(context, localCopy(layer.id), missing, 'deleting');
      else
        await store.write('system', async (work) => {
          await work.layers.update(layer.id, { state: 'sealed', deletingAt: null });
          await work.layerCopies.update(localCopy(layer.id), { state: 'sound' });
        });
    }
  }
}
