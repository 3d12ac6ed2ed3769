// The engine works with files and processes of this host only, so a server that died here may have
// left unfinished ones.

import type { Call } from '../port/call.ts';

export interface HostBound {
  /** The memory and processors that this process may use for guests. */
  readonly size: { memoryMb: number; cpus: number };
  /**
   * Removes the unfinished files and processes of verbs whose server died. Called only when a
   * server starts, while no other verb runs. Idempotent.
   */
  tidy(call: Call): Promise<void>;
}
