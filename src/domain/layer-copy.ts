// A layer copy: the bytes of a layer in one place. Bytes can be damaged or lost in one place and be
// whole in another, so a copy is verified and quarantined by itself.

import type { LayerId } from './ids.ts';

/** The place of every copy today: the engine of this server. */
export const localPlace = 'local';

/**
 * `sound`: nothing is known to be wrong with it. `quarantined`: its bytes have changed or are gone,
 * so it is not used.
 */
type LayerCopyState = 'sound' | 'quarantined';

export interface LayerCopy {
  layerId: LayerId;
  place: string;
  state: LayerCopyState;
  storedBytes: number;
  /** The digest of its file, `sha256:…`; null until it is computed. */
  digest: string | null;
  /** When its file was last compared with the digest; null when it never was. */
  verifiedAt: number | null;
  /** The fault for which it is quarantined, as the end of a sentence; null when it has none. */
  fault: string | null;
}

/** The key of a copy. */
export type LayerCopyRef = Pick<LayerCopy, 'layerId' | 'place'>;

/** The reference to the copy of a layer in this server's engine. */
export const localCopy = (layerId: LayerId): LayerCopyRef => ({ layerId, place: localPlace });
