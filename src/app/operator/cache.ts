// The build cache: installed steps that builds find again.

import type { LayerId } from '../../domain/ids.ts';
import { shownLayer, storedBytesOf } from '../../domain/layer.ts';
import { evict } from '../../reconcile/build-cache.ts';
import type { Store } from '../../store/port/unit-of-work.ts';
import { change } from './context.ts';

/** The steps, the one used longest ago first. */
export const cacheList = (store: Store) =>
  store.read('system', async (work) => (await work.layers.cache()).map(shownLayer));

/**
 * Evicts steps with nothing on top from the cache, the least recently used first, until the rest
 * takes no more than `keepBytes`. The server removes their bytes.
 */
export const cachePrune = change(
  'cachePrune',
  (_keepBytes: number) => 'the build cache',
  async ({ store, touched }, keepBytes): Promise<{ steps: LayerId[]; bytes: number }> => {
    const gone = await evict(store, keepBytes);
    const bytes = gone.reduce((sum, one) => sum + storedBytesOf(one), 0);
    touched(`the build cache: ${gone.length} steps, ${bytes} bytes`);
    return { steps: gone.map((one) => one.id), bytes };
  },
);
