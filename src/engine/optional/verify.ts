// Digests of the bytes of layers. Without this part layers have no digest and count as sound.

import type { LayerId } from '../../domain/ids.ts';
import type { Call } from '../port/call.ts';

interface DigestSpec {
  layerId: LayerId;
  /** The bytes are read no faster than this; 0: as fast as they can be. */
  bytesPerSecond: number;
}

export interface Verify {
  /**
   * Returns the digest of a layer's stored bytes, `sha256:…`. Changes nothing. Throws `internal`
   * when the layer is missing or cannot be read, and `unavailable` when it cannot be read at the
   * moment.
   */
  digest(spec: DigestSpec, call: Call): Promise<string>;
}
