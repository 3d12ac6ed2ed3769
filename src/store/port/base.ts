// Base images. They belong to the operator, and every organisation sees them.

import type { BaseImage } from '../../domain/base.ts';
import type { BaseImageId, LayerId } from '../../domain/ids.ts';

export interface BaseReader {
  /** All bases, in order of id. */
  list(): Promise<BaseImage[]>;
  /**
   * The base with this id. Without an id, the base that new work should start from: first those
   * whose layer is usable, then those that are known to work, then those whose last trial did not
   * fail, and of equals the newest. Throws not-found.
   */
  get(id?: BaseImageId): Promise<BaseImage>;
  /**
   * The base for a machine without an image: the base that `get` would choose among those that a
   * disk of so many GB can hold. Throws not-found when there is no base, and image-too-large when
   * none fits.
   */
  fitting(diskGb: number): Promise<BaseImage>;
  /** The base whose layer is this root; undefined when the root is an import instead. */
  ofLayer(baseLayerId: LayerId): Promise<BaseImage | undefined>;
}

export interface BaseWriter extends BaseReader {
  /** Adds a base of which it is not known whether it works. */
  add(base: Omit<BaseImage, 'id' | 'createdAt' | 'provedAt' | 'failedAt'>): Promise<BaseImage>;
  /**
   * Notes that a guest on the base has reported, so that it is known to work. Idempotent: the first
   * time stays. Throws not-found.
   */
  prove(id: BaseImageId): Promise<void>;
  /** Notes that a trial of the base failed, so that it is not known to work any more. */
  fail(id: BaseImageId): Promise<void>;
}
