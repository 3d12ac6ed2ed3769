// Base images. They belong to the operator, and every organisation sees them.

import type { BaseImage } from '../../domain/base.ts';
import type { BaseImageId, ImageId, LayerId } from '../../domain/ids.ts';
import type { OfferUses } from '../../domain/offer.ts';

export type NewBase = Pick<BaseImage, 'name' | 'sizeGb' | 'layerId'> &
  Partial<Pick<BaseImage, 'version' | 'heldAt'>> & { awaitsTrial?: boolean };

/** A base, and an image that stands on it. */
export interface BaseOfImage extends Pick<BaseImage, 'id' | 'name' | 'version'> {
  imageId: ImageId;
}

export interface BaseReader {
  /** All bases, in order of id. */
  list(): Promise<BaseImage[]>;
  /**
   * The base with this id, also a retired one. Without an id, the base that new work should start
   * from, which is neither retired nor held: first those whose layer is usable, then those that are
   * known to work, then those whose last trial did not fail, and of equals the newest. Throws
   * not-found.
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
  /** The bases on which images stand. Give ids of images that the scope has shown. */
  ofImages(ids: readonly ImageId[]): Promise<BaseOfImage[]>;
  /** What stands on a base, at any depth. */
  uses(id: BaseImageId): Promise<OfferUses>;
}

export interface BaseWriter extends BaseReader {
  /**
   * Adds a base of which it is not known whether it works. With `awaitsTrial` it is not offered;
   * see `awaitsTrial` of the domain.
   */
  add(base: NewBase): Promise<BaseImage>;
  /**
   * Notes that a guest on the base has reported, so that it is known to work. Idempotent: the first
   * time stays. Throws not-found.
   */
  prove(id: BaseImageId): Promise<void>;
  /** Notes that a trial of the base failed, so that it is not known to work any more. */
  fail(id: BaseImageId): Promise<void>;
  /** Changes whether it is offered, and whether it is taken where no base is named. */
  update(id: BaseImageId, change: Partial<Pick<BaseImage, 'retiredAt' | 'heldAt'>>): Promise<void>;
  /** Forgets a base that nothing uses; its layer goes when nothing stands on it. */
  remove(id: BaseImageId): Promise<void>;
}
