// Writing a layer anew on another layer of its chain.

import type { LayerId } from '../../domain/ids.ts';

export interface Compact {
  rewriteLayer(
    spec: {
      layerId: LayerId;
      parentId: LayerId;
      /** The layer's chain, itself first: all that is read. */
      chain: readonly LayerId[];
    },
    signal?: AbortSignal,
  ): Promise<{ storedBytes: number }>;
}
