// Finds how the files of two layers differ, for the pairs that somebody asked for.

import { requirePart } from '../../engine/optional/parts.ts';
import { withoutJob } from '../../engine/port/call.ts';
import type { FilePair } from '../../store/port/file-difference.ts';
import { chainOf, readOnce } from '../disk-reading.ts';
import type { Task, TaskContext } from '../task.ts';

/** So many pairs are compared in one run, each at most once. */
const pairsMax = 100;

export const compareFiles: Task = {
  everyMs: 10_000,
  scope: 'host',
  wakesOnEvents: true,
  async isIdle(store) {
    const wanted = await store.read('system', (work) => work.fileDifferences.wanted(1));
    return wanted.length === 0;
  },
  async run(context) {
    const { store, signal, keepLease } = context;
    const wanted = await store.read('system', (work) => work.fileDifferences.wanted(pairsMax));
    for (const pair of wanted) {
      signal.throwIfAborted();
      await compareOne(context, pair);
      if (!(await keepLease())) return;
    }
  },
};

async function compareOne(context: TaskContext, pair: FilePair): Promise<void> {
  const { store, engine, signal } = context;
  const { row, from, chain } = await store.read('system', async (work) => ({
    row: await work.fileDifferences.find(pair),
    from: await chainOf(work, pair.fromLayerId),
    chain: await chainOf(work, pair.toLayerId),
  }));
  if (row?.state !== 'wanted' || from.length === 0 || chain.length === 0) return;
  const { result: _, ...change } = await readOnce(context, row.attempts + 1, () =>
    requirePart(engine, 'packages').compareFiles({ from, chain }, withoutJob(signal)),
  );
  await store.write('system', (work) => work.fileDifferences.update(pair, change));
}
