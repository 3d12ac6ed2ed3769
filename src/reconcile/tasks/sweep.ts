// Compares what the store knows with what the engine has. What only the engine has is an orphan: it
// is reported, left where it is for a day (an older store may have been brought back, and want it),
// and then removed. What only the store has is missing: whatever stands on it says so. What is
// quarantined and there is read again, once in each run: when it is what it was it is used again.

import type { DiskId, LayerId } from '../../domain/ids.ts';
import { idsBegun } from '../../domain/job.ts';
import type { Store } from '../../store/port/unit-of-work.ts';
import type { Task, TaskDependencies } from '../task.ts';
import { quarantine, verifyLayer } from './verify.ts';

const jobsMax = 10_000;

export const sweep: Task = {
  everyMs: 3600_000,
  async run(deps, signal) {
    const { store, engine } = deps;
    const { layers, disks, begun } = await store.read('system', async (work) => ({
      layers: await work.layers.list(),
      disks: new Set(await work.disks.ids()),
      // A capture's or an import's bytes come before its row; its id is in the job.
      begun: idsBegun(await work.jobs.open(jobsMax)),
    }));
    // The engine after the store: what went in between is not there any more, and what came is
    // looked at again before it is noted.
    const has = await engine.inventory();
    const known = new Set<string>([...layers.map((layer) => layer.id), ...begun]);
    for (const layer of layers) {
      signal.throwIfAborted();
      if (layer.state === 'sealed' && layer.jobId === null && !has.layers.has(layer.id))
        await quarantine(deps, layer, 'is missing on the disk of the host');
    }
    await orphans(deps, 'layer', has.layers, known, signal);
    await orphans(deps, 'disk', has.disks, disks, signal);
    for (const layer of layers.filter(
      ({ state, id }) => state === 'quarantined' && has.layers.has(id),
    ))
      await verifyLayer(deps, layer, deps.settings.scrubBytesPerSecond, signal);
  },
};

async function orphans(
  { store, engine, settings, guard, log }: TaskDependencies,
  kind: 'layer' | 'disk',
  has: ReadonlyMap<string, number>,
  known: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  const { noted, before } = await store.read('system', async (work) => ({
    noted: (await work.host.orphans()).filter((one) => one.kind === kind),
    before: await guard.look(work),
  }));
  const isOver = (seenAt: number) => before !== null && seenAt <= before - settings.orphanMs;
  const over = noted.filter(({ id, seenAt }) => has.has(id) && !known.has(id) && isOver(seenAt));
  const mayGo = guard.mayGo(`unknown ${kind}s`, over.length, noted.length);
  for (const one of noted) {
    if (has.has(one.id) && !known.has(one.id)) continue;
    await store.write('system', (work) => work.host.forgetOrphan(one));
  }
  for (const [id, bytes] of has) {
    if (known.has(id)) continue;
    signal.throwIfAborted();
    const since = noted.find((one) => one.id === id)?.seenAt;
    if (since === undefined) {
      if (await isKnown(store, kind, id)) continue;
      await store.write('system', (work) => work.host.noteOrphan({ kind, id, bytes }));
      log.warn(
        { kind, id, bytes, removedInMs: settings.orphanMs },
        'something is kept that the store does not know',
      );
    } else if (mayGo && isOver(since)) {
      await (kind === 'layer'
        ? engine.removeLayer(id as LayerId)
        : engine.removeDisk(id as DiskId));
      await store.write('system', (work) => work.host.forgetOrphan({ kind, id }));
      log.warn({ kind, id, bytes }, 'something that the store did not know for a day is removed');
    }
  }
}

/** Whether the store has come to know it since it was listed. */
const isKnown = (store: Store, kind: 'layer' | 'disk', id: string): Promise<boolean> =>
  store.read('system', async (work) => {
    const found =
      kind === 'layer'
        ? await work.layers.find(id as LayerId)
        : await work.disks.find(id as DiskId);
    return found !== undefined || idsBegun(await work.jobs.open(jobsMax)).has(id);
  });
