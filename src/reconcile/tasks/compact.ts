// Asks for the compaction of a layer whose chain is too long, the lowest one first, because the
// layers that stand on it then have shorter chains too.

import { askNext, nextToCompact } from '../jobs/layer-compact.ts';
import type { Task } from '../task.ts';

export const compact: Task = {
  everyMs: 60_000,
  scope: 'cluster',
  async run({ store, engine }) {
    if (!engine.compact) return;
    // Looking at all chains takes long, and is not to conflict with what is written meanwhile.
    if (await store.survey('system', nextToCompact))
      await store.write('system', (work) => askNext(work, null));
  },
};
