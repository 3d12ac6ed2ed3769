// A layer: immutable content that stands on a parent layer, or on nothing. Disks and images stand
// on chains of layers.

import type { BootProfile } from './boot.ts';
import type { JobId, LayerId, OrganisationId } from './ids.ts';

type LayerKind = 'base' | 'software' | 'capture';

/**
 * `building`: a job makes it. `sealed`: immutable and usable. `quarantined`: its bytes have changed
 * or are gone, so nothing begins to use it. `deleting`: nothing may use it, and its bytes are being
 * removed.
 */
type LayerState = 'building' | 'sealed' | 'quarantined' | 'deleting';

export interface Layer {
  id: LayerId;
  kind: LayerKind;
  parentId: LayerId | null;
  /** The root of its chain: a base, or an import that stands alone. A root names itself. */
  baseLayerId: LayerId;
  /** How the chains of this root boot; null for a layer that is no root. */
  boot: BootProfile | null;
  /**
   * The organisation that captured or imported it; null for layers that all organisations share.
   */
  organisationId: OrganisationId | null;
  /**
   * The key under which builds find it: the content digest of a base, or hash(parent key, recipe
   * digest). Null for captures, and for layers that builds must not find.
   */
  key: string | null;
  /** The key that it had before it was quarantined; null when it is not quarantined. */
  lostKey: string | null;
  state: LayerState;
  virtualBytes: number;
  storedBytes: number;
  /** The job that builds or rewrites it; null when none does. */
  jobId: JobId | null;
  createdAt: number;
  /** The digest of its file, `sha256:…`; null until it is computed. */
  digest: string | null;
  /** When its file was last compared with the digest; null when it never was. */
  verifiedAt: number | null;
  /** When a build last used it. */
  usedAt: number | null;
  deletingAt: number | null;
  /** The fault for which it is quarantined, as the end of a sentence; null when it has none. */
  fault: string | null;
}

/** The most layers that a chain may have before it is compacted. */
export const chainLayersMax = 8;

/**
 * The most layers that a chain may have at all, because tools and machines open all of them
 * together. A build that would exceed it waits for compaction.
 */
export const chainHeightMax = 64;

/**
 * Chooses the new parent of the head of a chain (listed from the head down to the root), so that
 * the chain gets at most `layersMax` layers: the highest layer that builds share, else the root.
 * Null when the chain is short enough.
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
