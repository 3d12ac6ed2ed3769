// Queries on images, the software in them, and the steps of their builds.

import { sql } from 'kysely';
import { AppError, notFound } from '../../domain/error.ts';
import type { ImageId, LayerId, SoftwareId } from '../../domain/ids.ts';
import {
  type BuildStep,
  defaultImageName,
  type Image,
  type ImageStatus,
  imageMayBecome,
  imageStatuses,
  type ListedStep,
  type SoftwareOfImage,
} from '../../domain/image.ts';
import { fold } from '../../lib/fold.ts';
import type {
  ImageChange,
  ImageFilter,
  ImageReader,
  ImageWriter,
  NewImage,
} from '../port/image.ts';
import type { PageFound } from '../port/page.ts';
import { layersAbove, unusableLayers } from './chain.ts';
import { idsOfPage } from './page.ts';
import type { Database } from './schema.ts';
import { Queries } from './scope.ts';
import { contains } from './search.ts';

const mayFail = imageStatuses.filter((status) => imageMayBecome(status, 'failed'));

const toImage = ({
  nameFolded: _,
  ...image
}: Omit<Database['image'], 'id'> & { id: ImageId }): Image => image;

export class SqlImageReader extends Queries implements ImageReader {
  #live() {
    return this.within(this.db.selectFrom('image')).where('deletedAt', 'is', null);
  }

  /** Deleted images that can be restored. */
  #restorable() {
    return this.within(this.db.selectFrom('image'))
      .where('deletedAt', 'is not', null)
      .where('layerId', 'is not', null);
  }

  async find(id: ImageId): Promise<Image | undefined> {
    const row = await this.#live().where('id', '=', id).selectAll().executeTakeFirst();
    return row && toImage(row);
  }

  async get(id: ImageId): Promise<Image> {
    const image = await this.find(id);
    if (!image) throw notFound('image', id, 'GET /images');
    return image;
  }

  async getDeleted(id: ImageId): Promise<Image> {
    const row = await this.#restorable().where('id', '=', id).selectAll().executeTakeFirst();
    if (row) return toImage(row);
    throw new AppError('not_found', `There is no deleted image ${id} that can be brought back.`);
  }

  async list({
    q,
    deleted = false,
    ...page
  }: ImageFilter): Promise<{ images: Image[] } & PageFound> {
    const shown = () => (deleted ? this.#restorable() : this.#live());
    const isAll = !q && !deleted;
    const { ids, ...rest } = await idsOfPage({
      page,
      rows: q ? shown().where(contains(q)) : shown(),
      found: q && !deleted ? await this.searched('image', q, shown) : undefined,
      kept: isAll ? await this.tallied('image') : undefined,
      places: isAll ? this.placesOf('image') : undefined,
    });
    const rows = await shown()
      .where('id', 'in', this.among(ids))
      .selectAll()
      .orderBy('id', 'desc')
      .execute();
    return { images: rows.map(toImage), ...rest };
  }

  async deletedAt(): Promise<number[]> {
    const rows = await this.#restorable().select('deletedAt').execute();
    return rows.map((row) => Number(row.deletedAt));
  }

  async standingOn(id: LayerId): Promise<Image[]> {
    const rows = await this.#live()
      .where('layerId', 'in', layersAbove(id))
      .selectAll()
      .orderBy('id')
      .execute();
    return rows.map(toImage);
  }

  softwareOf(ids: readonly ImageId[]): Promise<SoftwareOfImage[]> {
    return this.db
      .selectFrom('imageSoftware')
      .innerJoin('software', 'software.id', 'imageSoftware.softwareId')
      .where('imageId', 'in', this.shown(ids))
      .select(['imageId', 'softwareId', 'name', 'sizeGb'])
      .orderBy('imageId')
      .orderBy('position')
      .execute();
  }

  /** Those of the ids that are in the scope. */
  protected shown(ids: readonly ImageId[]) {
    return this.within(this.db.selectFrom('image')).where('id', 'in', this.among(ids)).select('id');
  }

  async steps(id: ImageId): Promise<ListedStep[]> {
    const rows = await this.db
      .selectFrom('buildStep')
      .innerJoin('software', 'software.id', 'buildStep.softwareId')
      .where('imageId', '=', (await this.get(id)).id)
      .select(['position', 'softwareId', 'name', 'cache', 'exitCode', 'durationMs'])
      .select(sql<number>`length(output)`.as('outputChars'))
      .orderBy('position')
      .execute();
    return rows.map((row) => ({ ...row, outputChars: Number(row.outputChars) }));
  }

  async stepOutput(id: ImageId, position: number, from: number, most: number): Promise<string> {
    const row = await this.db
      .selectFrom('buildStep')
      .where('imageId', '=', (await this.get(id)).id)
      .where('position', '=', position)
      .select(sql<string>`substr(output, ${sql.lit(from + 1)}, ${sql.lit(most)})`.as('part'))
      .executeTakeFirst();
    return row?.part ?? '';
  }
}

export class SqlImageWriter extends SqlImageReader implements ImageWriter {
  #all() {
    return this.within(this.db.updateTable('image'));
  }

  async add(image: NewImage, software: readonly SoftwareId[] = []): Promise<Image> {
    this.assertOwn(image);
    const at = this.now();
    const added = await this.db
      .insertInto('image')
      .values({
        ...image,
        name: image.name ?? '',
        nameFolded: fold(image.name ?? ''),
        status: 'pending',
        statusReason: null,
        layerId: null,
        createdAt: at,
        updatedAt: at,
        deletedAt: null,
        protectedAt: null,
        report: null,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    const { id } = added;
    await this.insertAll(
      'imageSoftware',
      software.map((softwareId, index) => ({ imageId: id, softwareId, position: index + 1 })),
    );
    if (image.name !== null) return toImage(added);
    const name = defaultImageName(id);
    const named = await this.#all()
      .set({ name, nameFolded: fold(name) })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow();
    return toImage(named);
  }

  async update(id: ImageId, change: ImageChange): Promise<void> {
    await this.#all()
      .set({ ...change, updatedAt: this.now() })
      .where('id', '=', id)
      .execute();
  }

  async become(
    id: ImageId,
    status: ImageStatus,
    change: { statusReason?: string; layerId?: LayerId; report?: string } = {},
  ): Promise<boolean> {
    const image = await this.find(id);
    if (!image || !imageMayBecome(image.status, status)) return false;
    await this.update(id, { ...change, status });
    return true;
  }

  async failAbove(id: LayerId, statusReason: string): Promise<ImageId[]> {
    const failed = await this.#all()
      .set({ status: 'failed', statusReason, updatedAt: this.now() })
      .where('status', 'in', mayFail)
      .where('layerId', 'in', layersAbove(id))
      .returning('id')
      .execute();
    return failed.map((row) => row.id);
  }

  async healAbove(id: LayerId): Promise<ImageId[]> {
    const healed = await this.#all()
      .set({ status: 'available', statusReason: null, updatedAt: this.now() })
      .where('status', '=', 'failed')
      .where('layerId', 'in', layersAbove(id))
      .where('layerId', 'not in', unusableLayers)
      .returning('id')
      .execute();
    return healed.map((row) => row.id);
  }

  async releaseLayers(before: number): Promise<void> {
    await this.#all()
      .set({ layerId: null })
      .where('deletedAt', '<=', before)
      .where('layerId', 'is not', null)
      .execute();
  }

  async recordStep(imageId: ImageId, step: BuildStep): Promise<void> {
    const shown = await this.shown([imageId]).executeTakeFirst();
    if (!shown) return;
    const { position: _, ...rest } = step;
    await this.db
      .insertInto('buildStep')
      .values({ imageId, ...step })
      .onConflict((conflict) => conflict.columns(['imageId', 'position']).doUpdateSet(rest))
      .execute();
  }
}
