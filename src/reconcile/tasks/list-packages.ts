// Reads the lists of packages that are wanted: those of new images and bases, and those that
// somebody asked for again. It works beside the jobs, so no image waits for its list.

import type { LayerId } from '../../domain/ids.ts';
import { requirePart } from '../../engine/optional/parts.ts';
import { withoutJob } from '../../engine/port/call.ts';
import { chainOf, readOnce } from '../disk-reading.ts';
import type { Task, TaskContext } from '../task.ts';

/** So many lists are looked up at once, and so many are read in one run. */
const [portion, listsMax] = [20, 1000];

export const listPackages: Task = {
  everyMs: 10_000,
  scope: 'host',
  wakesOnEvents: true,
  isIdle: async (store) =>
    (await store.read('system', (work) => work.packageLists.wanted(1))).length === 0,
  async run(context) {
    const { store, signal, keepLease } = context;
    const tried = new Set<LayerId>();
    while (tried.size < listsMax) {
      const wanted = await store.read('system', (work) => work.packageLists.wanted(portion));
      const next = wanted.filter((id) => !tried.has(id));
      if (next.length === 0) return;
      for (const layerId of next) {
        signal.throwIfAborted();
        tried.add(layerId);
        await listOne(context, layerId);
        if (!(await keepLease())) return;
      }
    }
  },
};

async function listOne(context: TaskContext, layerId: LayerId): Promise<void> {
  const { store, engine, signal } = context;
  const { row, chain } = await store.read('system', async (work) => ({
    row: await work.packageLists.find(layerId),
    chain: await chainOf(work, layerId),
  }));
  if (row?.state !== 'wanted' || chain.length === 0) return;
  const { result, ...change } = await readOnce(context, row.attempts + 1, () =>
    requirePart(engine, 'packages').list({ chain }, withoutJob(signal)),
  );
  const packages = result?.packages.length ?? null;
  await store.write('system', (work) => work.packageLists.update(layerId, { ...change, packages }));
}
