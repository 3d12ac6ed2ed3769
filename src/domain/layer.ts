// Layers and disks: a disk is a chain of immutable layers with one writable overlay on top.

import type { JobId, LayerId, OrganisationId } from './ids.ts';

export type LayerKind = 'base' | 'software' | 'capture';

/**
 * `building`: a job makes it. `sealed`: immutable, usable. `quarantined`: its bytes are not what
 * they were, or are gone; nothing begins to use it. `deleting`: nothing may use it any more; its
 * bytes are going.
 */
export type LayerState = 'building' | 'sealed' | 'quarantined' | 'deleting';

export interface Layer {
  id: LayerId;
  kind: LayerKind;
  parentId: LayerId | null;
  /**
   * The root at the end of the chain, a base or an import that stands alone; a root's own id for a
   * root.
   */
  baseLayerId: LayerId;
  /** How the chains that end in it boot; null for what is not a root. */
  boot: Boot | null;
  /**
   * Whose it is: of a capture or an import the organisation that made it, else null: everybody's.
   */
  organisationId: OrganisationId | null;
  /**
   * Under which a build finds it again: a base's content digest, or hash(parent key, recipe
   * digest). Null for captures.
   */
  key: string | null;
  /** The key that it had before it was quarantined; null while it is not. */
  lostKey: string | null;
  state: LayerState;
  virtualBytes: number;
  storedBytes: number;
  /** The job that builds it, while `building`. */
  jobId: JobId | null;
  createdAt: number;
  /** Of its bytes as they lie on the disk, `sha256:…`; null until it is computed. */
  digest: string | null;
  /** When its bytes were last compared with the digest; null: never. */
  verifiedAt: number | null;
  /** When a build last stood on it. */
  usedAt: number | null;
  deletingAt: number | null;
  /** What is wrong with it, for people; null when nothing is. */
  fault: string | null;
}

/**
 * How a chain with this root boots. `direct`: the kernel and initrd kept beside the root, with
 * `append`; `buildAppend` added makes that initrd run the seed's user-data and power off.
 * `firmware`: the disk's own boot loader.
 */
export type Boot =
  | { mode: 'direct'; append: string; buildAppend: string | null }
  | { mode: 'firmware' };

/** The most layers that a chain may have before it is compacted. */
export const chainLayersMax = 8;

/**
 * The most layers that a chain may have at all: tools and machines open them together. What would
 * be higher waits for compaction.
 */
export const chainHeightMax = 64;

/**
 * On which layer of its own chain (from the head down to the base) a layer is to be written anew,
 * so that the chain has at most `layersMax`: the highest that builds share, else the root. Null
 * when the chain is short enough.
 */
export function planCompaction<Link extends Pick<Layer, 'kind'>>(
  chain: readonly Link[],
  layersMax: number,
): Link | null {
  if (chain.length <= layersMax) return null;
  const shared = chain.find(
    (layer, at) => at > 0 && layer.kind !== 'capture' && chain.length - at < layersMax,
  );
  return shared ?? chain.at(-1) ?? null;
}
