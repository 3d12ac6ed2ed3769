// Records that a damaged layer has its content again, in bytes that were given anew: whatever
// stands on it works again.

import type { LayerId } from '../domain/ids.ts';
import type { Layer } from '../domain/layer.ts';
import { localCopy } from '../domain/layer-copy.ts';
import type { Writer } from '../store/port/unit-of-work.ts';
import { layerChanged } from './job-events.ts';

/** The digest of the new bytes is taken later. */
export async function recordHealed(
  work: Writer,
  layerId: LayerId,
  change: Partial<Pick<Layer, 'key' | 'parentId'>>,
  storedBytes: number,
): Promise<void> {
  await work.layers.update(layerId, { state: 'sealed', lostKey: null, ...change });
  await work.layerCopies.update(localCopy(layerId), {
    state: 'sound',
    fault: null,
    storedBytes,
    digest: null,
    verifiedAt: null,
  });
  await layerChanged(work, 'layer.healed', layerId, await work.images.healAbove(layerId));
}
