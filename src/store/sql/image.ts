// Queries on images and on what they consist of.

import { sql } from 'kysely';
import { AppError, notFound } from '../../domain/error.ts';
import type { ImageId, LayerId, SoftwareId } from '../../domain/ids.ts';
import {
  defaultImageName,
  type Image,
  type ImageStatus,
  imageMayBecome,
  imageStatuses,
} from '../../domain/image.ts';
import { fold } from '../../lib/fold.ts';
import {
  among,
  type BuildStep,
  contains,
  type Database,
  type Db,
  insertAll,
  layersAbove,
  type Scope,
} from './schema.ts';

const mayFail = imageStatuses.filter((status) => imageMayBecome(status, 'failed'));

/** Layers whose chain has one that cannot be used. */
const unusable = sql<LayerId>`(
  with recursive unusable (id) as (
    select id from layer where state <> 'sealed'
    union select layer.id from layer join unusable on layer.parent_id = unusable.id)
  select id from unusable)`;

export interface SoftwareOfImage {
  imageId: ImageId;
  softwareId: SoftwareId;
  name: string;
  sizeGb: number;
}

const toImage = ({
  nameFolded: _,
  ...image
}: Omit<Database['image'], 'id'> & { id: ImageId }): Image => image;

export const imageQueries = (db: Db, scope: Scope, now: () => number) => {
  const all = () => {
    const query = db.selectFrom('image');
    return scope === 'system' ? query : query.where('organisationId', '=', scope);
  };
  const live = () => all().where('deletedAt', 'is', null);
  const find = async (id: ImageId): Promise<Image | undefined> => {
    const row = await live().where('id', '=', id).selectAll().executeTakeFirst();
    return row && toImage(row);
  };
  const get = async (id: ImageId): Promise<Image> => {
    const image = await find(id);
    if (!image) throw notFound('image', id, 'GET /images');
    return image;
  };
  const update = async (
    id: ImageId,
    change: Partial<Omit<Image, 'id' | 'name'>>,
  ): Promise<void> => {
    let query = db
      .updateTable('image')
      .set({ ...change, updatedAt: now() })
      .where('id', '=', id);
    if (scope !== 'system') query = query.where('organisationId', '=', scope);
    await query.execute();
  };

  return {
    /** Undefined when there is none, it is deleted, or another organisation's. */
    find,
    /** Like `find`, but throws not-found. */
    get,
    update,

    /** One page, newest first, and the number of all matches. `q` matches anywhere in the name. */
    async list({
      page,
      perPage,
      q,
      deleted = false,
    }: {
      page: number;
      perPage: number;
      q?: string | undefined;
      deleted?: boolean | undefined;
    }) {
      const shown = deleted
        ? all().where('deletedAt', 'is not', null).where('layerId', 'is not', null)
        : live();
      const matching = q ? shown.where(contains(q)) : shown;
      const rows = await matching
        .selectAll()
        .orderBy('id', 'desc')
        .limit(perPage)
        .offset((page - 1) * perPage)
        .execute();
      const { count } = await matching
        .select((e) => e.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      return { images: rows.map(toImage), count: Number(count) };
    },

    /** Adds a pending image. Without a name it is named after its id. */
    async add(
      image: Omit<
        Image,
        | 'id'
        | 'name'
        | 'status'
        | 'statusReason'
        | 'layerId'
        | 'createdAt'
        | 'updatedAt'
        | 'deletedAt'
        | 'protectedAt'
        | 'report'
      > & { name: string | null },
      software: readonly SoftwareId[] = [],
    ) {
      const at = now();
      const { id } = await db
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
        .returning('id')
        .executeTakeFirstOrThrow();
      if (image.name === null) {
        const name = defaultImageName(id);
        await db
          .updateTable('image')
          .set({ name, nameFolded: fold(name) })
          .where('id', '=', id)
          .execute();
      }
      const rows = software.map((softwareId, index) => ({
        imageId: id,
        softwareId,
        position: index + 1,
      }));
      await insertAll(db, 'imageSoftware', rows);
      return get(id);
    },

    /** A deleted image whose layer is still there; throws not-found. */
    async getDeleted(id: ImageId): Promise<Image> {
      const row = await all()
        .where('id', '=', id)
        .where('deletedAt', 'is not', null)
        .where('layerId', 'is not', null)
        .selectAll()
        .executeTakeFirst();
      if (!row)
        throw new AppError(
          'not_found',
          `There is no deleted image ${id} that can be brought back.`,
        );
      return toImage(row);
    },

    /** When each image that can be brought back was deleted. */
    deletedAt: async (): Promise<number[]> =>
      (
        await all()
          .where('deletedAt', 'is not', null)
          .where('layerId', 'is not', null)
          .select('deletedAt')
          .execute()
      ).map((row) => Number(row.deletedAt)),
    /**
     * Lets go of the layers of images that were deleted before a time: from then on they cannot be
     * brought back.
     */
    async releaseLayers(before: number): Promise<void> {
      await db
        .updateTable('image')
        .set({ layerId: null })
        .where('deletedAt', '<=', before)
        .where('layerId', 'is not', null)
        .execute();
    },

    /** The images that stand on a layer, at any depth. */
    async standingOn(id: LayerId): Promise<Image[]> {
      const rows = await live()
        .where('layerId', 'in', layersAbove(id))
        .selectAll()
        .orderBy('id')
        .execute();
      return rows.map(toImage);
    },

    /**
     * All images that stand on a layer fail, and deleted ones, which may be brought back. Returns
     * those that did.
     */
    async failAbove(id: LayerId, statusReason: string): Promise<ImageId[]> {
      const failed = await db
        .updateTable('image')
        .set({ status: 'failed', statusReason, updatedAt: now() })
        .where('status', 'in', mayFail)
        .where('layerId', 'in', layersAbove(id))
        .returning('id')
        .execute();
      return failed.map((row) => row.id);
    },
    /**
     * The failed images that stand on a layer can be used again, when all of their layers can.
     * Returns those that can.
     */
    async healAbove(id: LayerId): Promise<ImageId[]> {
      const healed = await db
        .updateTable('image')
        .set({ status: 'available', statusReason: null, updatedAt: now() })
        .where('status', '=', 'failed')
        .where('layerId', 'in', layersAbove(id))
        .where('layerId', 'not in', unusable)
        .returning('id')
        .execute();
      return healed.map((row) => row.id);
    },

    /**
     * Moves an image along a legal arrow; false when it is not in a state from which it may go
     * there.
     */
    async become(
      id: ImageId,
      status: ImageStatus,
      change: { statusReason?: string; layerId?: LayerId; report?: string } = {},
    ): Promise<boolean> {
      const image = await find(id);
      if (!image || !imageMayBecome(image.status, status)) return false;
      await update(id, { ...change, status });
      return true;
    },

    /** The software of several images, in order of installation. */
    async softwareOf(ids: readonly ImageId[]): Promise<SoftwareOfImage[]> {
      return db
        .selectFrom('imageSoftware')
        .innerJoin('software', 'software.id', 'imageSoftware.softwareId')
        .where('imageId', 'in', among(ids))
        .select(['imageId', 'softwareId', 'name', 'sizeGb'])
        .orderBy('imageId')
        .orderBy('position')
        .execute();
    },

    async recordStep(imageId: ImageId, step: BuildStep): Promise<void> {
      const { position, ...rest } = step;
      await db
        .insertInto('buildStep')
        .values({ imageId, ...step })
        .onConflict((conflict) =>
          conflict.columns(['imageId', 'position']).doUpdateSet({ ...rest }),
        )
        .execute();
    },

    /** The steps of an image's creation so far; of nothing, when the image is not the scope's. */
    async steps(id: ImageId): Promise<(BuildStep & { name: string })[]> {
      return db
        .selectFrom('buildStep')
        .innerJoin('software', 'software.id', 'buildStep.softwareId')
        .where('imageId', '=', (await get(id)).id)
        .select(['position', 'softwareId', 'name', 'cache', 'exitCode', 'durationMs', 'output'])
        .orderBy('position')
        .execute();
    },
  };
};
