// Machines. All methods but those that say so know no deleted machine: it is not found, not listed
// and not counted. Its row stays for a while, so that it can be brought back.
//
// The row of a machine keeps the assignment of a deleted image, so that the assignment
// returns when the image is restored; until then the machine is shown without it.

import type { ImageId, MachineId } from '../../domain/ids.ts';
import type { Machine, MachineStatus } from '../../domain/machine.ts';
import type { RootSystem } from '../../domain/root-system.ts';
import type { PageFilter, PageFound } from './page.ts';

export type NewMachine = Pick<
  Machine,
  | 'organisationId'
  | 'machineTypeId'
  | 'region'
  | 'machineType'
  | 'cpus'
  | 'memoryMb'
  | 'diskSizeGb'
  | 'permissions'
  | 'assignedImageId'
> &
  Partial<Pick<Machine, 'network'>>;

export type MachineChange = Partial<
  Omit<Machine, 'id' | 'name' | 'permissions' | 'addresses' | 'rootSystem' | 'lostPendingAt'>
>;

export interface MachineFilter extends PageFilter {
  /** Matches anywhere in the name, whatever the case; `%`, `_` and `\` stand for themselves. */
  q?: string | undefined;
  /** The status that callers see: `shownOf` of the domain. */
  status?: MachineStatus | undefined;
  /** Whether it has a disk: it was on since it was made or last reset. */
  hasSessionData?: boolean | undefined;
  /** Lists the deleted machines that can be brought back, instead of the live ones. */
  deleted?: boolean | undefined;
}

/** Where a machine's disk was seen last; see `Machine`. */
export type MachinePlace = Pick<Machine, 'id' | 'diskId' | 'place' | 'awayAt'>;

/** What came of the care for the network of a machine. */
export interface Cared {
  /** When it was due. */
  since: number;
  /** When it is due again; null: when something changes. */
  dueAt: number | null;
  /** Null: as they were. */
  addresses: readonly string[] | null;
}

/** What is asked again and again about all machines that are on. */
export type ReadyMachine = Pick<Machine, 'id' | 'diskId' | 'lastSessionStartAt'>;

/** What is noted about the guest of a machine that is on, and when the machine is to stop. */
export type MachineLiving = Pick<
  Machine,
  'id' | 'autoStopS' | 'rebootingAt' | 'silentAt' | 'idleAt'
>;

/** The end of a console. */
export interface KeptConsole {
  shown: string;
  keptAt: number;
}

export interface MachineReader {
  /** Undefined when there is none in this scope. */
  find(id: MachineId): Promise<Machine | undefined>;
  /** Like `find`, but throws not-found. */
  get(id: MachineId): Promise<Machine>;
  /**
   * A deleted machine that can be brought back, because its time is not over and its disk, if it
   * had one, is still kept; throws not-found.
   */
  getDeleted(id: MachineId): Promise<Machine>;
  /**
   * All of these machines, in order of id. Throws machines-not-found, which says how many are
   * missing, unless all are in this scope. Any number of ids, each once.
   */
  getMany(ids: readonly MachineId[]): Promise<Machine[]>;
  /** One page, newest first. A page past the end is empty. */
  list(filter: MachineFilter): Promise<{ machines: Machine[] } & PageFound>;
  /** All machines of this scope, in order of id. */
  all(): Promise<Machine[]>;
  /** In order of id, at most `limit`: those after an id, or the first ones. */
  page(after: number | null, limit: number): Promise<Machine[]>;
  /** The machines with the status `ready`, in no order. */
  ready(): Promise<ReadyMachine[]>;
  /** Those with the status `ready` of which something is noted, or that have a time to stop. */
  living(): Promise<MachineLiving[]>;
  /** The machines that are off and due to be started again; those due first, at most `limit`. */
  dueRestarts(limit: number): Promise<MachineId[]>;
  /** The machines that are `ready` and whose network is due at a time, at most so many. */
  networkDue(at: number, limit: number): Promise<Machine[]>;
  /** The places of the machines that have a disk or a place, in order of id. */
  places(): Promise<MachinePlace[]>;
  /**
   * The machines that were deleted before a time, cannot be brought back, and of which no disk or
   * job is left; the oldest, at most so many.
   */
  forgettable(before: number, limit: number): Promise<MachineId[]>;
  /** The machines to which a live image is assigned, in order of id. */
  ofImage(imageId: ImageId): Promise<Machine[]>;
  /** The end of the console of the last start that failed; undefined when none did. */
  console(id: MachineId): Promise<KeptConsole | undefined>;
}

export interface MachineWriter extends MachineReader {
  /** Adds a machine that is off and has no disk. Without a name it is named after its id. */
  add(machine: NewMachine, name?: string | null): Promise<Machine>;
  /**
   * Changes a live or a deleted machine. Another disk takes the root file system away. Does nothing
   * when the machine is not in this scope.
   */
  update(id: MachineId, change: MachineChange): Promise<void>;
  /** The same change for each of these machines that is in this scope; any number of ids. */
  updateMany(ids: readonly MachineId[], change: MachineChange): Promise<void>;
  /** Its network is due for care then. */
  setPermissions(id: MachineId, permissions: Record<string, boolean>): Promise<void>;
  /**
   * Notes that the network of a machine was cared for, unless something has changed since. Returns
   * whether its addresses are others than before.
   */
  setCared(id: MachineId, cared: Cared): Promise<boolean>;
  /** Notes the root file system of its disk. Returns whether it is another than before. */
  setRootSystem(id: MachineId, root: RootSystem | null): Promise<boolean>;
  /** Assigns an image, pending from now, and remembers the assignment before it. */
  assign(ids: readonly MachineId[], imageId: ImageId): Promise<void>;
  /** Gives machines the assignment that they had before the last one. */
  unassign(ids: readonly MachineId[]): Promise<void>;
  /** Gives machines the disk that their disk replaced, or none. */
  takeFormerDisks(ids: readonly MachineId[]): Promise<void>;
  /** Stores the end of a console in place of the last one. Does nothing when there is no such
   * machine in this scope.
   */
  keepConsole(machineId: MachineId, shown: string): Promise<void>;
  /**
   * Notes that these machines are paused and that no others are. Writes only what changes; returns
   * the machines that it changed.
   */
  setPaused(ids: readonly MachineId[]): Promise<MachineId[]>;
  /**
   * Notes that machines are off, but only those that are `ready` and have no open job. Returns
   * those.
   */
  setOff(ids: readonly MachineId[], statusReason: string): Promise<MachineId[]>;
  /** Ends the time of the deleted machines that could be brought back until a time or earlier. */
  releaseDeleted(before: number): Promise<void>;
  /** Removes those of the machines that are forgettable. Returns their number. */
  forget(ids: readonly MachineId[], before: number): Promise<number>;
}
