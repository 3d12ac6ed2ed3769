// Layers: which exist, which layer stands on which, and which layers are no longer needed.
// Organisations share bases and installed software, so the scope does not matter here: callers
// reach a layer through an image or a disk that their scope has shown.

import type { BootProfile } from '../../domain/boot.ts';
import type { JobId, LayerId, OrganisationId } from '../../domain/ids.ts';
import type { Layer } from '../../domain/layer.ts';

export type NewLayer = Omit<Layer, 'createdAt' | 'lostKey' | 'usedAt' | 'deletingAt' | 'copies'> & {
  /** The bytes of its copy in this server's engine; null while it is being built. */
  storedBytes: number | null;
};

export type LayerChange = Partial<
  Pick<Layer, 'state' | 'usedAt' | 'parentId' | 'jobId' | 'key' | 'lostKey' | 'deletingAt'> & {
    boot: BootProfile;
  }
>;

/** How the chain of a layer boots. */
export interface ChainBoot {
  boot: BootProfile;
  /** The root of the chain, beside which kernel and initrd are kept. */
  baseLayerId: LayerId;
  /** All layers of the chain: the layer itself first, the root last. */
  chain: LayerId[];
}

/** An installed step that builds can find. */
export type CachedLayer = Layer & {
  /** An image, a disk or another layer stands on it, or a build that is under way may. */
  inUse: boolean;
};

export interface LayerReader {
  /** Undefined when there is none. */
  find(id: LayerId): Promise<Layer | undefined>;
  /** Like `find`, but throws `internal`: callers ask only for layers that a row names. */
  get(id: LayerId): Promise<Layer>;
  /** The layer that a build finds under a key; undefined when there is none. */
  byKey(key: string): Promise<Layer | undefined>;
  /** The roots whose boot profile names no board, with their profiles, in no order. */
  boardless(): Promise<{ id: LayerId; boot: BootProfile }[]>;
  /** All layers, oldest first. */
  list(): Promise<Layer[]>;
  /** In order of id, at most `limit`: those after an id, or the first ones. */
  page(after: string | null, limit: number): Promise<Layer[]>;
  /** The ids of all layers, in no order. */
  ids(): Promise<LayerId[]>;
  /** The layers from a head down to its root, the head first. Throws `internal` without a head. */
  chain(head: LayerId): Promise<Layer[]>;
  /** Throws `internal` when the root does not say how it boots. */
  bootOf(layer: Pick<Layer, 'id' | 'baseLayerId'>): Promise<ChainBoot>;
  /**
   * An organisation that has an image or a disk on a layer at any depth; any organisation when none
   * has. Undefined without organisations.
   */
  ownerOf(id: LayerId): Promise<OrganisationId | undefined>;
  /** How many images, disks, bases and layers stand directly on a layer. */
  usersOf(id: LayerId): Promise<number>;
  /**
   * The lowest layer whose chain has more than `layersMax` layers; undefined when there is none.
   * All of its chain is sealed, because a damaged layer must not be read to write another. Layers
   * whose compaction failed after `failedSince` are left out, because they would hold up the
   * others.
   */
  lowestAbove(layersMax: number, failedSince: number): Promise<Layer | undefined>;
  /** The installed steps that builds can find, the least recently used first. */
  cache(): Promise<CachedLayer[]>;
  /**
   * At most `limit` of these steps with nothing on top and no build that may use them, the least
   * recently used first; of those in `among` where it is given.
   */
  idleSteps(limit: number, among?: readonly LayerId[]): Promise<Layer[]>;
  /** The bytes of all copies of these steps. */
  cacheBytes(): Promise<number>;
  /**
   * Layers that are not needed and not marked, in no order; at most `limit`. A layer is needed when
   * a base, an image (also a deleted image that can be restored), a disk or another layer stands on
   * it, a job works on it, or a build can find it.
   */
  unneeded(limit: number): Promise<LayerId[]>;
  /**
   * The layers that were marked for removal at or before a time and that have nothing on top. A
   * layer is listed only after its children have been removed.
   */
  deleting(before: number): Promise<Layer[]>;
  /** The layers that are marked for removal but still have something on top. */
  deletingInUse(): Promise<Layer[]>;
}

export interface LayerWriter extends LayerReader {
  /** Adds a layer. Throws `internal` when another layer has its key. */
  add(layer: NewLayer): Promise<void>;
  /** Does nothing when there is no such layer. */
  update(id: LayerId, change: LayerChange): Promise<void>;
  /**
   * Makes a layer immutable and usable: its bytes are complete in this server's engine, and no job
   * works on it. Idempotent.
   */
  seal(id: LayerId, sizes: { virtualBytes: number; storedBytes: number }): Promise<void>;
  /**
   * Gives a layer that is being built to another job. Returns false, without a change, when the
   * layer is sealed or its job is not `from`.
   */
  takeOver(id: LayerId, from: JobId | null, to: JobId): Promise<boolean>;
  /**
   * Marks for removal those of the layers that are not needed, and the layers below them that are
   * not needed then. A marked layer loses its key, so that nothing begins to use it. Idempotent.
   */
  markDeleting(ids: readonly LayerId[]): Promise<void>;
  /**
   * Removes the rows of a layer and of its copies, whose bytes are gone. Does nothing unless it is
   * marked for removal.
   */
  remove(id: LayerId): Promise<void>;
}
