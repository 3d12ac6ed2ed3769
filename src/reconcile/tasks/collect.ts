// Takes away what nothing needs: it is marked in one transaction, so that nothing can begin to use
// it; waits; then its bytes go, then its row. What gives way before its time does so here too: the
// oldest kept disks of an organisation that is over its budget, and the installed steps used
// longest ago when the build cache is too large.

import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TransferId } from '../../domain/ids.ts';
import { type Disk, gbBytes, type Layer } from '../../domain/layer.ts';
import type { Work } from '../../store/port.ts';
import { settleAbandoned } from '../abandoned.ts';
import type { Dependencies, Log, Task, TaskDependencies } from '../task.ts';
import { quarantine } from './verify.ts';

const chainRoundsMax = 100;
const jobsKeptMs = 7 * 24 * 3600_000;
/**
 * Longer than a request is good for, so that a clock that is put back by as much lets none be sent
 * again.
 */
const signatureKeptMs = 2 * 3600_000;
const auditRoundsMax = 100;

export const collect: Task = {
  everyMs: 30_000,
  async run(deps, signal) {
    const { store, settings, log } = deps;
    // What a backup copies stays until it has it; asked again where something is marked, since a
    // backup may begin meanwhile.
    const isHeld = async (work: Work) => (await work.host.frozen()).length > 0;
    await settleAbandoned(deps);
    if (await store.read('system', isHeld)) return;
    await removeTransfers(deps);
    const disks = await store.write('system', async (work) => {
      if (await isHeld(work)) return [];
      await release(work, deps);
      await enforceKeptQuota(work, log);
      await work.disks.markDeleting();
      await work.disks.takeUp();
      return work.disks.deleting(work.now() - settings.collectDelayMs);
    });
    await pruneAudit(deps, signal);
    const failures = await removeDisks(deps, disks, signal);
    await takeUpLayers(deps);
    const layers = await store.write('system', async (work) => {
      if (await isHeld(work)) return [];
      await evict(work, settings.cacheBytesMax, log);
      await work.layers.markDeleting();
      return work.layers.deleting(work.now() - settings.collectDelayMs);
    });
    failures.push(...(await removeLayers(deps, layers, signal)));
    if (failures.length > 0)
      throw new AggregateError(failures, `${failures.length} disks or layers cannot be removed`);
  },
};

/** Marks and forgets what was kept for a time that is over, when the guard allows it. */
async function release(work: Work, { guard, settings }: TaskDependencies): Promise<void> {
  const before = await guard.look(work);
  if (guard.isSteady()) await work.host.steady();
  if (before !== null) {
    await work.signatures.prune(before - signatureKeptMs);
    await work.access.prune(before);
    await work.idempotency.prune(before);
    await work.jobs.prune(before - jobsKeptMs);
    const kept = await work.disks.kept();
    const over = kept.filter(({ keptUntil }) => (keptUntil ?? 0) <= before);
    if (guard.mayGo('kept disks', over.length, kept.length)) await work.disks.releaseKept(before);
    const deleted = await work.images.deletedAt();
    const gone = deleted.filter((at) => at <= before - settings.keepImageMs);
    if (guard.mayGo('deleted images', gone.length, deleted.length))
      await work.images.releaseLayers(before - settings.keepImageMs);
  }
  const [waiting, brakes] = [guard.waiting(), guard.brakes()];
  const noted = await work.host.waiting();
  if (waiting !== noted.waiting || brakes !== noted.brakes)
    await work.host.noteWaiting(waiting, brakes);
}

/**
 * In portions, each a transaction of its own, until no entry is too old: however many there are,
 * others write in between.
 */
async function pruneAudit(
  { store, guard, settings }: TaskDependencies,
  signal: AbortSignal,
): Promise<void> {
  for (let rounds = 0; rounds < auditRoundsMax; rounds++) {
    signal.throwIfAborted();
    const before = await store.read('system', async (work) => {
      const over = await guard.look(work);
      if (over === null) return null;
      const time = over - settings.auditKeptMs;
      const some = (await work.audit.hasBefore(time)) || (await work.operatorAudit.hasBefore(time));
      return some ? over : null;
    });
    if (before === null) return;
    await store.write('system', async (work) => {
      await work.audit.prune(before - settings.auditKeptMs);
      await work.operatorAudit.prune(before - settings.auditKeptMs);
    });
  }
}

/**
 * What is deleted, and bytes that an ended import left, go at once; whatever else is over goes when
 * the guard allows it.
 */
async function removeTransfers({ store, guard, transferPath }: TaskDependencies): Promise<void> {
  // Listed first: a transfer's row is there before its file.
  const files = await readdir(transferFolder(transferPath));
  const { all, over } = await store.read('system', async (work) => {
    const before = await guard.look(work);
    const all = await work.transfers.list();
    const over =
      before === null
        ? []
        : all.filter((one) => one.status !== 'building' && one.expiresAt <= before);
    return { all, over: guard.mayGo('transfers', over.length, all.length) ? over : [] };
  });
  if (over.length > 0)
    await store.write('system', async (work) => {
      // One that was sent a part meanwhile is not over any more.
      for (const { id, expiresAt } of over)
        if ((await work.transfers.find(id))?.expiresAt === expiresAt)
          await work.transfers.delete(id);
    });
  const deleted = await store.read('system', (work) => work.transfers.deleted());
  const used = all.filter(
    ({ kind, status }) => status === 'failed' || (kind === 'import' && status === 'available'),
  );
  const known = new Set<string>(all.map(({ id }) => id));
  for (const { id, heldBytes } of used) {
    await rm(transferPath(id), { force: true });
    if (heldBytes > 0)
      await store.write('system', (work) => work.transfers.update(id, { heldBytes: 0 }));
  }
  for (const id of deleted) {
    await rm(transferPath(id), { force: true });
    await store.write('system', (work) => work.transfers.remove(id));
  }
  // A part that was written while its transfer was removed, or what a file was written as before it
  // was whole.
  const strange = files.filter((name) => !known.has(name.replace(/\..*$/, '')));
  for (const name of strange) await rm(join(transferFolder(transferPath), name), { force: true });
}

const transferFolder = (transferPath: Dependencies['transferPath']) =>
  dirname(transferPath('any' as TransferId));

/**
 * Removes each; one that cannot be removed does not hold up the others. Resolves to what went
 * wrong.
 */
async function removeDisks(
  { store, engine, log }: Dependencies,
  disks: Disk[],
  signal: AbortSignal,
): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (const { id } of disks) {
    signal.throwIfAborted();
    try {
      await engine.removeDisk(id);
      await store.write('system', (work) => work.disks.remove(id));
    } catch (error) {
      failures.push(error);
      log.error({ err: error, disk: id }, 'a disk cannot be removed; it is tried again');
    }
  }
  return failures;
}

/** Like removeDisks. Children go first; what stood under them goes in the same run. */
async function removeLayers(
  { store, engine, log }: Dependencies,
  first: Layer[],
  signal: AbortSignal,
): Promise<unknown[]> {
  const failures: unknown[] = [];
  const queue = [...first];
  for (let layer = queue.shift(); layer; layer = queue.shift()) {
    signal.throwIfAborted();
    const { id, parentId, deletingAt } = layer;
    try {
      await engine.removeLayer(id);
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
 * A layer that is marked though something stands on it is taken up again; when its bytes went
 * already, what stands on it says so.
 */
async function takeUpLayers(deps: Dependencies): Promise<void> {
  const { store, engine, log } = deps;
  // Each may stand on another that is marked.
  for (let rounds = 0; rounds < chainRoundsMax; rounds++) {
    const found = await store.read('system', (work) => work.layers.deletingInUse());
    if (found.length === 0) return;
    const has = await engine.inventory();
    for (const layer of found) {
      const message =
        'a layer was marked for removal though something stands on it; it is taken up again';
      log.error({ layer: layer.id }, message);
      if (!has.layers.has(layer.id))
        await quarantine(deps, layer, 'is missing on the disk of the host');
      else
        await store.write('system', (work) =>
          work.layers.update(layer.id, { state: 'sealed', deletingAt: null }),
        );
    }
  }
}

/** The oldest kept disks of each organisation that has more of them than it may. */
async function enforceKeptQuota(work: Work, log: Log): Promise<void> {
  const kept = Map.groupBy(await work.disks.kept(), (disk) => disk.organisationId);
  for (const [organisationId, disks] of kept) {
    const { keptGb } = await work.organisations.quotas(organisationId);
    let bytes = disks.reduce((sum, disk) => sum + (disk.storedBytes ?? 0), 0);
    for (const { id, machineId, storedBytes } of disks) {
      if (bytes <= keptGb * gbBytes) break;
      await work.disks.update(id, { state: 'deleting', deletingAt: work.now() });
      bytes -= storedBytes ?? 0;
      log.info(
        { disk: id, machine: machineId, organisation: organisationId },
        'a kept disk gives way to newer ones',
      );
    }
  }
}

/**
 * Takes steps that nothing stands on out of the cache, the one used longest ago first, until the
 * rest fits.
 */
export async function evict(work: Work, bytesMax: number, log: Log): Promise<Layer[]> {
  const evicted: Layer[] = [];
  let cache = await work.layers.cache();
  let bytes = cache.reduce((sum, layer) => sum + layer.storedBytes, 0);
  // A step goes when the one above it has gone, so the list is looked at again after each round.
  for (let idle = cache.filter((layer) => !layer.inUse); bytes > bytesMax && idle.length > 0; ) {
    for (const layer of idle) {
      if (bytes <= bytesMax) break;
      await work.layers.update(layer.id, { state: 'deleting', key: null, deletingAt: work.now() });
      bytes -= layer.storedBytes;
      evicted.push(layer);
      log.info({ layer: layer.id, bytes: layer.storedBytes }, 'a step leaves the build cache');
    }
    cache = await work.layers.cache();
    idle = cache.filter((layer) => !layer.inUse);
  }
  return evicted;
}
