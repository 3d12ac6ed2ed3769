// Queries on what the operator keeps for everybody: software and base images.

import { sql } from 'kysely';
import type { BaseImage } from '../../domain/base.ts';
import { AppError } from '../../domain/error.ts';
import type { BaseImageId, LayerId, SoftwareId } from '../../domain/ids.ts';
import { type Recipe, recipeDigest, type Software } from '../../domain/software.ts';
import { gbBytes } from '../../domain/units.ts';
import type { Database, Db } from './schema.ts';

const toSoftware = (row: Omit<Database['software'], 'id'> & { id: Software['id'] }): Software => ({
  ...row,
  recipe: JSON.parse(row.recipe) as Recipe,
});

export const softwareQueries = (db: Db, now: () => number) => ({
  async list(): Promise<Software[]> {
    return (await db.selectFrom('software').selectAll().orderBy('id').execute()).map(toSoftware);
  },
  async add({
    name,
    sizeGb,
    recipe,
  }: Pick<Software, 'name' | 'sizeGb' | 'recipe'>): Promise<Software> {
    const row = await db
      .insertInto('software')
      .values({
        name,
        sizeGb,
        recipe: JSON.stringify(recipe),
        recipeDigest: recipeDigest(recipe),
        createdAt: now(),
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    return toSoftware(row);
  },
  /** Throws not-found. */
  async update(
    id: SoftwareId,
    { name, sizeGb, recipe }: Pick<Software, 'name' | 'sizeGb' | 'recipe'>,
  ): Promise<Software> {
    const row = await db
      .updateTable('software')
      .set({ name, sizeGb, recipe: JSON.stringify(recipe), recipeDigest: recipeDigest(recipe) })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst();
    if (!row)
      throw new AppError(
        'not_found',
        `There is no software ${id}; list it with: silversmith software list`,
      );
    return toSoftware(row);
  },
});

const layersUpTo = (bytes: number) =>
  sql<LayerId>`(select id from layer where virtual_bytes <= ${bytes})`;

export const baseQueries = (db: Db, now: () => number) => {
  const ranked = () =>
    db
      .selectFrom('baseImage')
      .selectAll()
      .orderBy(
        sql`not exists (select 1 from layer where layer.id = base_image.layer_id and layer.state = 'sealed')`,
      )
      .orderBy(sql`proved_at is null`)
      .orderBy(sql`failed_at is not null`)
      .orderBy('id', 'desc')
      .limit(1);
  return {
    async list(): Promise<BaseImage[]> {
      return db.selectFrom('baseImage').selectAll().orderBy('id').execute();
    },
    /**
     * The base asked for; else the newest that is known to work, the newest that nobody tried when
     * none is, and the newest of all when none works; before all of them those whose layer can be
     * used. Throws not-found.
     */
    async get(id?: BaseImageId): Promise<BaseImage> {
      const row = await (id === undefined
        ? ranked()
        : ranked().where('id', '=', id)
      ).executeTakeFirst();
      if (row) return row;
      throw new AppError(
        'not_found',
        id === undefined
          ? 'There is no base image yet; the operator adds one with: silversmith base add'
          : `There is no base image ${id}; GET /software lists what there is.`,
      );
    },
    /**
     * The base for a machine that has nothing else to start from: the one that `get` would take, of
     * those that a disk of so many GB holds. Throws not-found where there is no base, and
     * image-too-large where none fits.
     */
    async fitting(diskGb: number): Promise<BaseImage> {
      const taken = await this.get();
      const row = await ranked()
        .where('layerId', 'in', layersUpTo(diskGb * gbBytes))
        .executeTakeFirst();
      if (row) return row;
      throw new AppError(
        'image_too_large',
        `The base image ${taken.name} has ${taken.sizeGb} GB, no other is smaller than the disk of the machine, and that has ${diskGb} GB; assign a smaller image to the machine, or make one with a larger disk.`,
      );
    },
    /**
     * The base at the end of a chain; undefined when an import that stands alone is there instead.
     */
    ofLayer: (baseLayerId: LayerId): Promise<BaseImage | undefined> =>
      db.selectFrom('baseImage').where('layerId', '=', baseLayerId).selectAll().executeTakeFirst(),
    async add(
      base: Omit<BaseImage, 'id' | 'createdAt' | 'provedAt' | 'failedAt'>,
    ): Promise<BaseImage> {
      return db
        .insertInto('baseImage')
        .values({ ...base, createdAt: now(), provedAt: null, failedAt: null })
        .returningAll()
        .executeTakeFirstOrThrow();
    },
    /** A guest on it has reported: it is known to work. Writes nothing when it was known before. */
    async prove(id: BaseImageId): Promise<void> {
      if ((await this.get(id)).provedAt !== null) return;
      await db
        .updateTable('baseImage')
        .set({ provedAt: now(), failedAt: null })
        .where('id', '=', id)
        .execute();
    },
    /** Its trial failed. */
    async fail(id: BaseImageId): Promise<void> {
      await db
        .updateTable('baseImage')
        .set({ provedAt: null, failedAt: now() })
        .where('id', '=', id)
        .execute();
    },
  };
};
