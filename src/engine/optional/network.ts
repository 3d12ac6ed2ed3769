// The network of machines that are on: what they may reach, the ports of the host that lead to
// them, and their addresses.

import type { MachineId } from '../../domain/ids.ts';
import type { Forward } from '../../domain/machine-network.ts';
import type { Call } from '../port/call.ts';
import type { NetworkSpec } from '../port/machines.ts';

interface NetworkCare {
  machineId: MachineId;
  network: NetworkSpec;
  /** All that lead to the machine. */
  forwards: readonly Forward[];
}

interface NetworkSeen {
  /**
   * The addresses that the machine says it has, at most 16, each a plain IPv4 or IPv6 address of no
   * loopback or link. A guest may lie.
   */
  addresses: readonly string[];
  /** Of the forwards that could not be opened: why, in a sentence for the caller. */
  faults: ReadonlyMap<Forward, string>;
}

export interface Network {
  /** How often a machine wants care though nobody has changed anything; null: never. */
  readonly everyMs: number | null;
  /** What the host lacks so that machines can reach the internet, for operators; null: nothing. */
  readonly lacks: string | null;
  /**
   * Makes true what a machine that is on may reach and which ports lead to it, closes other ports,
   * and returns what was seen; null for a machine that is off. Idempotent. Throws `unavailable`
   * when the machine or the host does not answer.
   */
  care(spec: NetworkCare, call: Call): Promise<NetworkSeen | null>;
  /** What is left on this host of machines that are off, in words. */
  remains(call: Call): Promise<string[]>;
}
