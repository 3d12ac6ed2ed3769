// The shape of a scenario: a caller's request, and the checks after it, however often the server
// died meanwhile. The scenarios themselves are in scenarios.ts.

import type { Client } from '../../src/client/client.ts';
import type { OperationName } from '../../src/contract/table.ts';
import type { JobKind } from '../../src/domain/job.ts';
import type { Settings } from '../../src/reconcile/context.ts';
import type { TaskName } from '../../src/reconcile/tasks.ts';
import type { Store } from '../../src/store/port/unit-of-work.ts';

export const engineNames = ['simulator', 'qemu'] as const;
export type EngineName = (typeof engineNames)[number];

/** A running server, as a scenario sees it. */
export interface World {
  dataDir: string;
  engine: EngineName;
  client: Client;
  store: Store;
  /** Ids of the three titles. The recipe of title N leaves the mark 11, 12 or 13. */
  software: number[];
  /** Id of the one machine. */
  machine: number;
  /** Writes a mark to the active disk of the machine. The machine must be off. */
  write(mark: number): Promise<void>;
}

/** A request that a scenario sends. */
export interface WantedRequest {
  name: OperationName;
  // biome-ignore lint/suspicious/noExplicitAny: the input of any operation
  input: any;
  /** Body, for the operation that takes bytes. */
  content?: Uint8Array;
}

export interface Scenario {
  /** Kinds of jobs that the reconciler runs in this scenario; `collect` is a task. */
  does: (JobKind | 'collect')[];
  settings?: Partial<Settings>;
  /**
   * What machines on real disks have, beside what they need to become ready. Boots take longer.
   * `agent`: a guest agent, as those need that start from memory. `uefi`: UEFI and a TPM, whose
   * states are copied.
   */
  has?: 'agent' | 'uefi';
  /** Makes everything that the request needs. Runs once for all steps; the server then stops. */
  prepare(world: World): Promise<void>;
  /** Makes things on the server that will die, such as a running machine. No step counts yet. */
  warm?(world: World): Promise<void>;
  /**
   * The requests, in order. Each may use the answers to those before it. Empty: the server works
   * without a request, and steps count from its start.
   */
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  asks: ((world: World, answers: readonly any[]) => WantedRequest)[];
  /** Tasks that the server runs at once, in this order, instead of waiting for their timer. */
  tasks?: TaskName[];
  /**
   * SQL whose first column is 1 when the work is over. Default: no job is open.
   */
  done?: string;
  /** Throws unless the request was carried out. Runs on the server that took over. */
  holds(world: World): Promise<void>;
}
