// Digests of the bytes of layers. Without this part layers have no digest and are taken to be
// sound.

import type { LayerId } from '../../domain/ids.ts';
import type { Call } from '../port/call.ts';

interface DigestSpec {
  layerId: LayerId;
  /** The bytes are read no faster than this; 0: as fast as they can be. */
  bytesPerSecond: number;
}

export interface Verify {
  /**
   * The digest of a layer's bytes as they lie on the disk, `sha256:…`. Changes nothing. Throws
   * `internal` when the layer is not there or cannot be read, and `unavailable` when it cannot be
   * read at the moment.
   */
  digest(spec: DigestSpec, call: Call): Promise<string>;
}
