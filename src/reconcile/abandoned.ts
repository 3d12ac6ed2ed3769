// Settles images, machines and transfers whose state says that a job works on them although no such
// job is open. An older version may have left them so. A state and its job are written in one
// transaction, so work that is under way never looks like this.

import type { Dependencies } from './context.ts';

const reason =
  'Its work was called off, or lost by an older version of the server; ask for it again.';

export async function settleAbandoned({
  store,
  log,
}: Pick<Dependencies, 'store' | 'log'>): Promise<void> {
  const seen = await store.survey('system', (work) => work.jobs.abandoned());
  if (Object.values(seen).every((ids) => ids.length === 0)) return;
  const settled = await store.write('system', async (work) => {
    const found = await work.jobs.abandoned();
    for (const id of found.transfers)
      await work.transfers.update(id, { status: 'failed', statusReason: reason });
    for (const id of found.images) await work.images.become(id, 'failed', { statusReason: reason });
    // When the machine is on all the same, the task `observe` finds it and stops it.
    for (const id of found.machines) {
      const change = {
        status: 'off',
        statusReason: reason,
        capturingImageId: null,
        stopRequestedAt: null,
      } as const;
      await work.machines.update(id, change);
    }
    await work.events.add('changed', {
      imageIds: found.images,
      machineIds: found.machines,
      transferIds: found.transfers,
    });
    return found;
  });
  log.error(settled, 'something was said to be worked on and was not; it is settled');
}
