// A base image: a disk that the operator added, from which machines start and images are built.

import type { BaseImageId, LayerId } from './ids.ts';

export interface BaseImage {
  id: BaseImageId;
  name: string;
  sizeGb: number;
  layerId: LayerId;
  createdAt: number;
  /**
   * Since when it is known to work, because a build or a machine on it has reported. Null when that
   * is not known, or when its last trial failed.
   */
  provedAt: number | null;
  /** When its last trial failed; null when no trial has failed since it was known to work. */
  failedAt: number | null;
  /** The version in its name; null when it has none. */
  version: string | null;
  /** Since when it is not offered any more; null while it is. */
  retiredAt: number | null;
  /** Since when it is not taken where no base is named; null while it may be. */
  heldAt: number | null;
}

/**
 * Whether it was added to be tried, and has not worked yet. Until then it is retired from its first
 * moment, so that nothing begins with it; a trial that it passes offers it.
 */
export const awaitsTrial = ({ createdAt, retiredAt }: BaseImage): boolean =>
  retiredAt === createdAt;
