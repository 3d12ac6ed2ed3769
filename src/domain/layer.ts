// A layer: immutable content that stands on a parent layer, or on nothing. Disks and images stand
// on chains of layers.

import type { BootProfile } from './boot.ts';
import type { JobId, LayerId, OrganisationId } from './ids.ts';
import { type LayerCopy, localPlace } from './layer-copy.ts';

/** `template`: what the machine of a template wrote before it was ready. */
type LayerKind = 'base' | 'software' | 'capture' | 'template';

/**
 * `building`: a job makes it. `sealed`: immutable. `deleting`: nothing may use it, and its bytes
 * are being removed.
 */
type LayerState = 'building' | 'sealed' | 'deleting';

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
  /** The key that it had before its last sound copy was quarantined; null otherwise. */
  lostKey: string | null;
  state: LayerState;
  virtualBytes: number;
  /** The job that builds or rewrites it; null when none does. */
  jobId: JobId | null;
  createdAt: number;
  /** When a build last used it. */
  usedAt: number | null;
  deletingAt: number | null;
  /** Its bytes, by place; none while it is being built. */
  copies: readonly LayerCopy[];
}

/** Whether something may begin to use the layer: it is sealed, and a copy of it is sound. */
export const isUsable = ({ state, copies }: Pick<Layer, 'state' | 'copies'>): boolean =>
  state === 'sealed' && copies.some((copy) => copy.state === 'sound');

/** Whether the layer is sealed and has no copy that can be used. */
export const isQuarantined = (layer: Layer): boolean =>
  layer.state === 'sealed' && !isUsable(layer);

/** The state that callers and operators see. */
export const shownStateOf = (layer: Layer): LayerState | 'quarantined' =>
  isQuarantined(layer) ? 'quarantined' : layer.state;

/** The fault of a quarantined copy; null when it has none. */
export const faultOf = ({ copies }: Pick<Layer, 'copies'>): string | null =>
  copies.find(({ state }) => state === 'quarantined')?.fault ?? null;

/** A layer as callers and operators see it, with the facts of its copy in this server's engine. */
export function shownLayer<Shown extends Layer>(shown: Shown) {
  const { copies: _, state, ...layer } = shown;
  const copy = copyAt(shown, localPlace);
  return {
    ...layer,
    state: isQuarantined(shown) ? ('quarantined' as const) : state,
    storedBytes: copy?.storedBytes ?? 0,
    digest: copy?.digest ?? null,
    verifiedAt: copy?.verifiedAt ?? null,
    fault: copy?.fault ?? null,
  };
}

/** The bytes of all its copies. */
export const storedBytesOf = ({ copies }: Pick<Layer, 'copies'>): number =>
  copies.reduce((sum, { storedBytes }) => sum + storedBytes, 0);

/** The copy in a place; undefined when there is none. */
export const copyAt = ({ copies }: Pick<Layer, 'copies'>, place: string): LayerCopy | undefined =>
  copies.find((copy) => copy.place === place);

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

const generalizeLeastBytes = 512 * 1024 ** 2;

/**
 * The bytes that the generalisation of a disk may write for a while: it fills the blocks that are
 * free between files with zeros (`reconcile/generalize.ts` says how many).
 */
export const generalizeBytes = (sizeBytes: number): number =>
  generalizeLeastBytes + Math.ceil(sizeBytes / 50);
