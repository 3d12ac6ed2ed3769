// Digests of the bytes of layers.

import type { LayerId } from '../../domain/ids.ts';

export interface Verify {
  layerDigest(layerId: LayerId, bytesPerSecond: number, signal: AbortSignal): Promise<string>;
}
