// The build cache: installed steps that builds find again.

import { type Layer, storedBytesOf } from '../domain/layer.ts';
import type { Writer } from '../store/port/unit-of-work.ts';

/**
 * Evicts steps with nothing on top from the cache, the least recently used first, until the rest
 * takes no more than `bytesMax`. Returns the evicted steps.
 */
export async function evict(work: Writer, bytesMax: number): Promise<Layer[]> {
  const evicted: Layer[] = [];
  let cache = await work.layers.cache();
  let bytes = cache.reduce((sum, layer) => sum + storedBytesOf(layer), 0);
  // A step goes when the one above it has gone, so the list is looked at again after each round.
  for (let idle = cache.filter((layer) => !layer.inUse); bytes > bytesMax && idle.length > 0; ) {
    for (const layer of idle) {
      if (bytes <= bytesMax) break;
      await work.layers.update(layer.id, { state: 'deleting', key: null, deletingAt: work.now() });
      bytes -= storedBytesOf(layer);
      evicted.push(layer);
    }
    cache = await work.layers.cache();
    idle = cache.filter((layer) => !layer.inUse);
  }
  return evicted;
}
