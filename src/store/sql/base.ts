// Queries on base images.

import { sql } from 'kysely';
import type { BaseImage } from '../../domain/base.ts';
import { AppError } from '../../domain/error.ts';
import type { BaseImageId, LayerId } from '../../domain/ids.ts';
import { gbBytes } from '../../domain/units.ts';
import type { BaseReader, BaseWriter } from '../port/base.ts';
import { isUsable } from './chain.ts';
import { Queries } from './scope.ts';

const layersUpTo = (bytes: number) =>
  sql<LayerId>`(select id from layer where virtual_bytes <= ${bytes})`;

const layerIsUnusable = sql<boolean>`not exists (
  select 1 from layer where layer.id = base_image.layer_id and ${isUsable})`;

export class SqlBaseReader extends Queries implements BaseReader {
  /**
   * The base to start from comes first; `false` sorts before `true`. It has no limit, because
   * SQLite makes a table to sort with one, which takes longer than to read some more bases.
   */
  #ranked() {
    return this.db
      .selectFrom('baseImage')
      .selectAll()
      .orderBy(layerIsUnusable)
      .orderBy(sql`proved_at is null`)
      .orderBy(sql`failed_at is not null`)
      .orderBy('id', 'desc');
  }

  list(): Promise<BaseImage[]> {
    return this.db.selectFrom('baseImage').selectAll().orderBy('id').execute();
  }

  async get(id?: BaseImageId): Promise<BaseImage> {
    const ranked = this.#ranked();
    const row = await (id === undefined ? ranked : ranked.where('id', '=', id)).executeTakeFirst();
    if (row) return row;
    throw new AppError(
      'not_found',
      id === undefined
        ? 'There is no base image yet; the operator adds one with: silversmith base add'
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
}

export class SqlBaseWriter extends SqlBaseReader implements BaseWriter {
  add(base: Omit<BaseImage, 'id' | 'createdAt' | 'provedAt' | 'failedAt'>): Promise<BaseImage> {
    return this.db
      .insertInto('baseImage')
      .values({ ...base, createdAt: this.now(), provedAt: null, failedAt: null })
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

  async #mark(id: BaseImageId, trial: Pick<BaseImage, 'provedAt' | 'failedAt'>): Promise<void> {
    await this.db.updateTable('baseImage').set(trial).where('id', '=', id).execute();
  }
}
