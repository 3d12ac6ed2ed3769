// Writing a layer anew on another layer of its own chain, so that fewer layers are read.

import type { LayerId } from '../../domain/ids.ts';
import type { Call } from '../port/call.ts';

export interface RewriteSpec {
  layerId: LayerId;
  parentId: LayerId;
  /** The layer's chain, itself first: all that is read. */
  chain: readonly LayerId[];
}

export interface Compact {
  /**
   * Writes a layer anew, with the same content, on another layer of its own chain. There is the old
   * one or the new one at any moment; machines that are on keep what they have open. Idempotent.
   * Throws `internal` when a layer is missing. After a failure the layer is the old one.
   */
  rewrite(spec: RewriteSpec, call: Call): Promise<{ storedBytes: number }>;
}
