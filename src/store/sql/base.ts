// Queries on base images.

import { sql } from 'kysely';
import type { BaseImage } from '../../domain/base.ts';
import { AppError } from '../../domain/error.ts';
import type { BaseImageId, ImageId, LayerId } from '../../domain/ids.ts';
import type { OfferUses } from '../../domain/offer.ts';
import { gbBytes } from '../../domain/units.ts';
import type { BaseOfImage, BaseReader, BaseWriter, NewBase } from '../port/base.ts';
import { isUsable } from './chain.ts';
import { Queries } from './scope.ts';

const layersUpTo = (bytes: number) =>
  sql<LayerId>`(select id from layer where virtual_bytes <= ${bytes})`;

const layerIsUnusable = sql<boolean>`not exists (
  select 1 from layer where layer.id = base_image.layer_id and ${isUsable})`;

/** The base of an image: that which it was made from, or that below what was captured. */
const baseOfImage = sql<boolean>`base_image.id = coalesce(image.base_image_id, (
  select below.id from base_image below join layer on below.layer_id = layer.base_layer_id
  where layer.id = image.layer_id limit 1))`;

export class SqlBaseReader extends Queries implements BaseReader {
  /**
   * The base to start from comes first; `false` sorts before `true`. It has no limit, because
   * SQLite makes a table to sort with one, which takes longer than to read some more bases.
   */
  #ranked() {
    return this.db
      .selectFrom('baseImage')
      .selectAll()
      .where('retiredAt', 'is', null)
      .where('heldAt', 'is', null)
      .orderBy(layerIsUnusable)
      .orderBy(sql`proved_at is null`)
      .orderBy(sql`failed_at is not null`)
      .orderBy('id', 'desc');
  }

  list(): Promise<BaseImage[]> {
    return this.db.selectFrom('baseImage').selectAll().orderBy('id').execute();
  }

  async get(id?: BaseImageId): Promise<BaseImage> {
    const one = this.db.selectFrom('baseImage').selectAll();
    const row = await (id === undefined
      ? this.#ranked()
      : one.where('id', '=', id)
    ).executeTakeFirst();
    if (row) return row;
    throw new AppError(
      'not_found',
      id === undefined
        ? 'There is no base image that is taken where none is named; name one, or let the operator add one with: silversmith base add (or base newest).'
        : `There is no base image ${id}; GET /software lists what there is.`,
    );
  }

  async fitting(diskGb: number): Promise<BaseImage> {
    const row = await this.#ranked()
      .where('layerId', 'in', layersUpTo(diskGb * gbBytes))
      .executeTakeFirst();
    if (row) return row;
    const first = await this.get();
    throw new AppError(
      'image_too_large',
      `The base image ${first.name} has ${first.sizeGb} GB, no other is smaller than the disk of the machine, and that has ${diskGb} GB; assign a smaller image to the machine, or make one with a larger disk.`,
    );
  }

  ofLayer(baseLayerId: LayerId): Promise<BaseImage | undefined> {
    return this.db
      .selectFrom('baseImage')
      .where('layerId', '=', baseLayerId)
      .selectAll()
      .executeTakeFirst();
  }

  ofImages(ids: readonly ImageId[]): Promise<BaseOfImage[]> {
    return this.db
      .selectFrom('image')
      .innerJoin('baseImage', (join) => join.on(baseOfImage))
      .where('image.id', 'in', this.among(ids))
      .select(['image.id as imageId', 'baseImage.id', 'baseImage.name', 'baseImage.version'])
      .execute();
  }

  async uses(id: BaseImageId): Promise<OfferUses> {
    const above = sql`(select layer.id from layer join base_image
      on base_image.layer_id = layer.base_layer_id where base_image.id = ${id})`;
    const { rows } = await sql<{ images: number; disks: number }>`select
      (select count(*) from image where base_image_id = ${id} or layer_id in ${above}) as images,
      (select count(*) from disk where layer_id in ${above}) as disks`.execute(this.db);
    const [row] = rows;
    return { images: Number(row?.images ?? 0), machines: 0, disks: Number(row?.disks ?? 0) };
  }
}

export class SqlBaseWriter extends SqlBaseReader implements BaseWriter {
  add({
    version = null,
    heldAt = null,
    awaitsTrial = false,
    ...base
  }: NewBase): Promise<BaseImage> {
    const createdAt = this.now();
    const retiredAt = awaitsTrial ? createdAt : null;
    const rest = { createdAt, provedAt: null, failedAt: null, retiredAt };
    return this.db
      .insertInto('baseImage')
      .values({ ...base, version, heldAt, ...rest })
      .returningAll()
      .executeTakeFirstOrThrow();
  }

  async prove(id: BaseImageId): Promise<void> {
    if ((await this.get(id)).provedAt !== null) return;
    await this.#mark(id, { provedAt: this.now(), failedAt: null });
  }

  async fail(id: BaseImageId): Promise<void> {
    await this.#mark(id, { provedAt: null, failedAt: this.now() });
  }

  async update(
    id: BaseImageId,
    change: Partial<Pick<BaseImage, 'retiredAt' | 'heldAt'>>,
  ): Promise<void> {
    await this.db.updateTable('baseImage').set(change).where('id', '=', id).execute();
  }

  async remove(id: BaseImageId): Promise<void> {
    await this.db.deleteFrom('baseImage').where('id', '=', id).execute();
  }

  async #mark(id: BaseImageId, trial: Pick<BaseImage, 'provedAt' | 'failedAt'>): Promise<void> {
    await this.db.updateTable('baseImage').set(trial).where('id', '=', id).execute();
  }
}
