// Reads the lists of packages that are wanted: those of new images and bases, and those that
// somebody asked for again. It works beside the jobs, so no image waits for its list.

import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { AppError } from '../../domain/error.ts';
import type { LayerId } from '../../domain/ids.ts';
import type { PackageListRow } from '../../domain/package-list.ts';
import { requirePart } from '../../engine/optional/parts.ts';
import { withoutJob } from '../../engine/port/call.ts';
import type { Task, TaskContext } from '../task.ts';

/** An error that may pass counts as final after so many attempts. */
const attemptsMax = 5;
/** So many lists are looked up at once, and so many are read in one run. */
const [portion, listsMax] = [20, 1000];
const pack = promisify(gzip);

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
  const { store } = context;
  const found = await store.read('system', async (work) => ({
    row: await work.packageLists.find(layerId),
    // It may be gone by now.
    chain: (await work.layers.find(layerId)) ? await work.layers.chain(layerId) : [],
  }));
  if (found.row?.state !== 'wanted' || found.chain.length === 0) return;
  const chain = found.chain.map(({ id }) => id);
  const change = await outcomeOf(context, chain, found.row.attempts + 1);
  await store.write('system', (work) => work.packageLists.update(layerId, change));
}

async function outcomeOf(
  { engine, signal, log }: TaskContext,
  chain: readonly LayerId[],
  attempts: number,
): Promise<Partial<PackageListRow>> {
  try {
    const list = await requirePart(engine, 'packages').list({ chain }, withoutJob(signal));
    const content = (await pack(JSON.stringify(list))).toString('base64');
    return { state: 'listed', reason: null, packages: list.packages.length, content };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AppError)) log.error({ err: error }, 'a list of packages failed');
    const reason = error instanceof AppError ? error.message : 'The list could not be read.';
    const mayPass = error instanceof AppError && error.retry === 'later' && attempts < attemptsMax;
    return mayPass ? { attempts, reason } : { state: 'unread', attempts, reason };
  }
}
