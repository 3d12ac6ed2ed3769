// The build cache: installed steps that builds find again.

import { type Layer, storedBytesOf } from '../domain/layer.ts';
import type { Store } from '../store/port/unit-of-work.ts';

/** So many steps are evicted in one transaction, and so many transactions are one call. */
const portion = 500;
const roundsMax = 1000;

/**
 * Evicts steps with nothing on top from the cache, the least recently used first, until the rest
 * takes no more than `bytesMax`; evicts none while a backup copies the layers. The steps are looked
 * for outside of the transaction, which then looks at those alone that were found. Returns the
 * evicted steps.
 */
export async function evict(store: Store, bytesMax: number): Promise<Layer[]> {
  const evicted: Layer[] = [];
  // A step goes when the one above it has gone, so the cache is looked at again after each round.
  for (let rounds = 0; rounds < roundsMax; rounds++) {
    const { overBytes, found } = await store.survey('system', async ({ layers }) => {
      const over = (await layers.cacheBytes()) - bytesMax;
      return { overBytes: over, found: over > 0 ? await layers.idleSteps(portion) : [] };
    });
    if (found.length === 0) break;
    const gone = await store.write('system', async (work) => {
      if ((await work.host.frozen()).length > 0) return [];
      const idle = await work.layers.idleSteps(
        portion,
        found.map(({ id }) => id),
      );
      const going: Layer[] = [];
      let leftBytes = overBytes;
      for (const layer of idle) {
        if (leftBytes <= 0) break;
        await work.layers.update(layer.id, {
          state: 'deleting',
          key: null,
          deletingAt: work.now(),
        });
        leftBytes -= storedBytesOf(layer);
        going.push(layer);
      }
      return going;
    });
    if (gone.length === 0) break;
    evicted.push(...gone);
  }
  return evicted;
}
