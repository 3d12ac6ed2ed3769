// Images, the software in them, and the steps of their builds. "Live" means not deleted; a deleted
// image stays as long as it can be restored, and its row stays for ever.

import type { ImageId, LayerId, SoftwareId } from '../../domain/ids.ts';
import type {
  BuildStep,
  Image,
  ImageStatus,
  ListedStep,
  SoftwareOfImage,
} from '../../domain/image.ts';
import type { PageFilter, PageFound } from './page.ts';

export type NewImage = Pick<
  Image,
  'organisationId' | 'sizeGb' | 'source' | 'baseImageId' | 'machineId'
> & {
  /** Null: it is named after its id. */
  name: string | null;
};

export type ImageChange = Partial<Omit<Image, 'id' | 'name'>>;

export interface ImageFilter extends PageFilter {
  /** Matches anywhere in the name, whatever the case; `%`, `_` and `\` stand for themselves. */
  q?: string | undefined;
  /** Lists the deleted images that can be restored, instead of the live ones. */
  deleted?: boolean | undefined;
}

export interface ImageReader {
  /** Undefined when there is no live image of this id in the scope. */
  find(id: ImageId): Promise<Image | undefined>;
  /** Like `find`, but throws not-found. */
  get(id: ImageId): Promise<Image>;
  /** A deleted image that can be restored, because it still has its layer; throws not-found. */
  getDeleted(id: ImageId): Promise<Image>;
  /** One page, newest first. A page past the end is empty. */
  list(filter: ImageFilter): Promise<{ images: Image[] } & PageFound>;
  /** When each of the images that can be restored was deleted. */
  deletedAt(): Promise<number[]>;
  /** The live images that stand on a layer at any depth, in order of id. */
  standingOn(id: LayerId): Promise<Image[]>;
  /**
   * The software of several images, by image and in order of installation. Give ids of images that
   * the scope has shown.
   */
  softwareOf(ids: readonly ImageId[]): Promise<SoftwareOfImage[]>;
  /** The steps of a live image's build so far, without their outputs; throws not-found. */
  steps(id: ImageId): Promise<ListedStep[]>;
  /**
   * At most so many characters of a step's output, from a place on that counts from 0. Empty behind
   * its end, and when there is no such step. Throws not-found.
   */
  stepOutput(id: ImageId, position: number, from: number, most: number): Promise<string>;
}

export interface ImageWriter extends ImageReader {
  /** Adds an image with the status `pending`, and the software in order of installation. */
  add(image: NewImage, software?: readonly SoftwareId[]): Promise<Image>;
  /** Changes a live or a deleted image. Does nothing when it is not in the scope. */
  update(id: ImageId, change: ImageChange): Promise<void>;
  /**
   * Moves a live image to a status; false, with nothing changed, when the image does not exist or
   * may not move there from the status that it has.
   */
  become(
    id: ImageId,
    status: ImageStatus,
    change?: { statusReason?: string; layerId?: LayerId; report?: string },
  ): Promise<boolean>;
  /**
   * Fails all images that stand on a layer at any depth, also deleted ones, because those can be
   * restored. Returns the ids of those that it failed.
   */
  failAbove(id: LayerId, statusReason: string): Promise<ImageId[]>;
  /**
   * Makes available again the failed images that stand on a layer at any depth and whose layers are
   * all usable. Returns their ids.
   */
  healAbove(id: LayerId): Promise<ImageId[]>;
  /**
   * Takes the layers from images that were deleted at or before a time: from then on they cannot be
   * restored.
   */
  releaseLayers(before: number): Promise<void>;
  /**
   * Keeps a step of a build; a step at the same position is replaced. Does nothing when the image
   * is not in the scope.
   */
  recordStep(imageId: ImageId, step: BuildStep): Promise<void>;
}
