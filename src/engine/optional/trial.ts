// Starts a machine on a layer once, to see whether it comes up.

import type { LayerId } from '../../domain/ids.ts';
import type { Call } from '../port/call.ts';
import type { ChainBoot } from '../port/layers.ts';

export interface TrialSpec extends ChainBoot {
  /** The id under which its disk and its process are found again; no layer gets it. */
  trialId: LayerId;
  layerId: LayerId;
  /** Of its disk. */
  sizeBytes: number;
  /** How long it may take until it is ready. */
  timeoutMs: number;
}

export interface Trial {
  /**
   * Starts a machine without a network on an overlay of the layer, and resolves when it is ready as
   * every machine is (see `MachineState`). Its disk is thrown away. Idempotent: it first ends what
   * an earlier call left. Throws `internal`, with the last lines of the console, for a machine that
   * is not ready in time or goes off, and `unavailable` when the host could not start one. A call
   * that was killed may leave the machine; `removeLayer` of the trial's id ends it.
   */
  bootOnce(spec: TrialSpec, call: Call): Promise<void>;
}
