// The engine: what keeps layers and disks and runs machines. The reconciler is the only caller.
//
// Every verb is keyed by ids that the control plane chose, and is idempotent: after a crash the
// same call with the same ids is made again, and finishes what the first began. A verb that rejects
// leaves either what was there before or something that the same call, or the removal of the same
// id, takes away. Verbs on one machine, disk or layer are never called side by side.
//
// Errors are AppErrors whose message may be shown to the caller. `retry: 'later'` means that trying
// again may help (a full disk that somebody empties, a process that did not come up in time);
// 'never' means that it would fail again.
//
// What takes long has a signal, and ends within seconds of it with its reason. Nothing that is made
// takes the host's reserve: it ends with `unavailable` there, to be tried again.
//
// What an engine cannot do is said in `capabilities`, never pretended.

import type { Capacity } from '../domain/host.ts';
import type { DiskId, LayerId, MachineId } from '../domain/ids.ts';
import type { Boot } from '../domain/layer.ts';
import type { Recipe } from '../domain/software.ts';

export interface Capabilities {
  /** A capture takes the same time whatever the size of the disk. */
  constantTimeCapture: boolean;
  /** Commands can be run inside a machine that is on. */
  exec: boolean;
}

export interface ImportedBase {
  /** Digest of the disk's content as given, `sha256:…`: the key of its layer. */
  digest: string;
  virtualBytes: number;
  storedBytes: number;
}

export interface BaseFiles {
  /**
   * A qcow2 or raw disk. It is not trusted: what could lead a tool to another file is refused
   * before any tool opens it.
   */
  disk: string;
  kernel?: string;
  initrd?: string;
}

export interface DiskSpec {
  diskId: DiskId;
  layerId: LayerId;
  sizeBytes: number;
}

export interface RootBoot {
  boot: Boot;
  /** The root at the end of the chain, beside which kernel and initrd are kept. */
  baseLayerId: LayerId;
}

export interface ChainBoot extends RootBoot {
  /**
   * All layers below, top first, as the store knows them: a process sees these and no others,
   * whatever the header of a file says.
   */
  chain: readonly LayerId[];
}

/** The kernel and the initrd that follow a disk in the file of an export. */
export interface Tail {
  kernelBytes: number;
  initrdBytes: number;
}

export interface BootFault {
  /** The end of a sentence. */
  says: string;
  /** Else it may start all the same, and whoever gave it is warned. */
  sure: boolean;
}

export interface BuildSpec extends ChainBoot {
  layerId: LayerId;
  parentId: LayerId;
  sizeBytes: number;
  recipe: Recipe;
  /** The name of the software, for logs. */
  label: string;
}

export interface BuildResult {
  /** Exit status of the recipe; the layer exists only when it is 0. */
  exitCode: number;
  /** What the recipe printed, its middle left out when it is long. */
  output: string;
  virtualBytes: number;
  storedBytes: number;
}

export interface MachineSpec extends ChainBoot {
  machineId: MachineId;
  diskId: DiskId;
  name: string;
  cpus: number;
  memoryMb: number;
  /**
   * No machine was ready on the disk before: it gets an identity of its own before the machine is
   * ready.
   */
  fresh: boolean;
}

export interface ExecResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** What is kept, with the bytes that each takes. */
export interface Inventory {
  layers: Map<LayerId, number>;
  disks: Map<DiskId, number>;
  /** Recipes' files, by SHA-256. */
  files: Set<string>;
}

export interface BackupSpec {
  /**
   * A folder that is there; what is written into it is laid out so that an engine can be opened on
   * it.
   */
  folder: string;
  layers: readonly LayerId[];
  disks: readonly { diskId: DiskId; layerId: LayerId; machineId: MachineId; sizeBytes: number }[];
  files: readonly string[];
}

export interface Engine {
  readonly name: 'qemu' | 'lxd' | 'simulator';
  readonly capabilities: Capabilities;

  /** Throws an `unavailable` AppError that says what is missing and how to get it. */
  check(): Promise<void>;
  /**
   * Takes away what verbs left half-made when their process died. Only while no other verb is under
   * way: when a server starts.
   */
  tidy(): Promise<void>;

  /**
   * Copies a disk from outside in as a base layer. Refuses what is not a plain disk with `invalid`,
   * and with `unavailable`, before anything is copied, what the host has no room for.
   */
  importBase(layerId: LayerId, files: BaseFiles, signal?: AbortSignal): Promise<ImportedBase>;
  /** Copies a recipe's file in, under its digest. Throws `invalid` when the content has another. */
  importFile(sha256: string, path: string): Promise<void>;

  /** Makes an empty writable overlay on a layer. Nothing happens when the disk is there. */
  ensureDisk(spec: DiskSpec): Promise<void>;
  /**
   * Turns the content of a disk that no machine uses into a layer; the disk is then an empty
   * overlay on it. Throws when a process has the disk open for writing.
   */
  sealDisk(spec: DiskSpec): Promise<{ virtualBytes: number; storedBytes: number }>;
  /**
   * Undoes a seal whose layer nothing uses yet: the disk has its content again. Nothing happens
   * when there is nothing to undo.
   */
  unsealDisk(diskId: DiskId, layerId: LayerId): Promise<void>;
  /**
   * Writes a layer anew, with the same content, on another layer of its own chain: one read less
   * for each layer left out. There is the old one or the new one at any moment; machines that are
   * on keep what they have open. Idempotent.
   */
  rewriteLayer(
    spec: {
      layerId: LayerId;
      parentId: LayerId;
      /** The layer's chain, itself first: all that is read. */
      chain: readonly LayerId[];
    },
    signal?: AbortSignal,
  ): Promise<{ storedBytes: number }>;
  /**
   * Writes the content of a layer's chain (itself first) to `path` as one file that stands alone,
   * followed by the kernel and the initrd that it boots with when they are not on the disk; nothing
   * is at `path` before it is whole. Returns the bytes of all, what they take on the host, and what
   * follows the disk. Throws `invalid` for a qcow2 of more than `bytesMax`.
   */
  exportLayer(
    spec: ChainBoot & { layerId: LayerId; format: 'qcow2' | 'raw'; path: string; bytesMax: number },
    signal: AbortSignal,
  ): Promise<{ bytes: number; heldBytes: number; tail: Tail | null }>;
  /**
   * Makes a layer of a file from outside, which is not trusted (see BaseFiles): on the base
   * `parentId` it keeps only what differs, with null it stands alone. With a `tail` the disk ends
   * before it, and a layer that stands alone keeps its kernel and initrd. A layer of that id that
   * is there already gets the new content in one step. Throws `invalid` for what is not a plain
   * disk, or a layer that would take more than `bytesMax`.
   */
  importLayer(
    spec: {
      layerId: LayerId;
      path: string;
      parentId: LayerId | null;
      tail: Tail | null;
      bytesMax: number;
    },
    signal: AbortSignal,
  ): Promise<{ virtualBytes: number; storedBytes: number }>;
  /**
   * What speaks against starting a machine on chains that end in this root; null when nothing is
   * known.
   */
  bootFault(root: RootBoot): Promise<BootFault | null>;
  removeDisk(diskId: DiskId): Promise<void>;
  removeLayer(layerId: LayerId): Promise<void>;

  /**
   * Runs a recipe in a build machine started from the parent; with exit status 0 the result is
   * sealed as the layer. An error of a machine that did not get to its recipe has what its console
   * showed (`output`).
   */
  buildLayer(spec: BuildSpec, signal: AbortSignal): Promise<BuildResult>;

  /**
   * Starts the machine on the disk, or finds it running on it. Resolves when it is on, not when it
   * is ready.
   */
  startMachine(spec: MachineSpec): Promise<void>;
  /**
   * Whether the guest has said that it is ready, on a fresh disk with an identity of its own.
   * `copy`: it is ready and has the identity of what its disk was made from, since nothing in it
   * can give it another. `off` when the machine is not on.
   */
  machineState(machineId: MachineId): Promise<'off' | 'on' | 'ready' | 'copy'>;
  /**
   * The end of what a machine has shown on its console since it was started, at most 16 KiB; empty
   * when nothing is known.
   */
  console(machineId: MachineId): Promise<string>;
  /**
   * Asks the guest to power off and waits `graceMs` for it, then ends it by force; 0: at once.
   * Nothing happens when it is off.
   */
  stopMachine(machineId: MachineId, graceMs: number): Promise<void>;
  /** The machines that are on. */
  runningMachines(): Promise<Set<MachineId>>;
  /** The machines that are paused because the host's disk was full. */
  pausedMachines(): Promise<Set<MachineId>>;
  /**
   * Lets a machine that is paused go on; when the host's disk is still full it is paused again.
   * False when it cannot be told to.
   */
  resumeMachine(machineId: MachineId): Promise<boolean>;

  /** Runs a command inside a ready machine, as its root. Only with the capability `exec`. */
  exec(machineId: MachineId, command: readonly string[]): Promise<ExecResult>;

  /**
   * Digest of a layer's bytes as they lie on the disk, `sha256:…`; reads no faster than
   * `bytesPerSecond` (0: as fast as it can). Throws `internal` when the layer is not there, or with
   * the signal's reason.
   */
  layerDigest(layerId: LayerId, bytesPerSecond: number, signal: AbortSignal): Promise<string>;

  /**
   * Copies what is named into a folder, sharing bytes with the originals where the file system can.
   * The disk of a machine that is on is copied as of one moment, as if its power had been cut.
   * Returns the ids of what is not there. A call that rejects leaves a part; the next call on the
   * folder completes it. May run beside every other verb.
   */
  backUp(spec: BackupSpec, signal: AbortSignal): Promise<string[]>;
  /** All that it keeps, to be compared with what the store knows. */
  inventory(): Promise<Inventory>;
  /** The room on the disk on which it keeps things. */
  capacity(): Promise<Capacity>;
  /** Lets go of connections; machines that are on stay on. */
  close(): Promise<void>;
}
