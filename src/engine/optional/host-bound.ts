// The engine's work lies in files and processes of this host alone, so a server that died here left
// some of it half-made.

import type { Call } from '../port/call.ts';

export interface HostBound {
  /**
   * Takes away what verbs left half-made when their process died. Only for a server that starts,
   * while no other verb is under way. Idempotent.
   */
  tidy(call: Call): Promise<void>;
}
