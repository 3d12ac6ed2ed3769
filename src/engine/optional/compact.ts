// Rewrites a layer on another layer of its own chain, so that fewer layers are read.

import type { LayerId } from '../../domain/ids.ts';
import type { Call } from '../port/call.ts';

export interface RewriteSpec {
  layerId: LayerId;
  parentId: LayerId;
  /** The layer's chain, itself first: only these layers are read. */
  chain: readonly LayerId[];
}

export interface Compact {
  /**
   * Rewrites a layer, with the same content, on another layer of its own chain. The new file
   * replaces the old one atomically; running machines keep the old file open. Idempotent. Throws
   * `internal` when a layer is missing. After a failure the old file stays.
   */
  rewrite(spec: RewriteSpec, call: Call): Promise<{ storedBytes: number }>;
}
