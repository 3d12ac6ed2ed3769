// Queries on software.

import { sql } from 'kysely';
import { AppError } from '../../domain/error.ts';
import type { SoftwareId } from '../../domain/ids.ts';
import type { OfferUses } from '../../domain/offer.ts';
import { type Recipe, recipeDigest, type Software } from '../../domain/software.ts';
import type { SoftwareContent, SoftwareReader, SoftwareWriter } from '../port/software.ts';
import type { Database } from './schema.ts';
import { Queries } from './scope.ts';

const toSoftware = (row: Omit<Database['software'], 'id'> & { id: SoftwareId }): Software => ({
  ...row,
  recipe: JSON.parse(row.recipe) as Recipe,
});

const toRow = ({ name, sizeGb, recipe, version = null }: SoftwareContent) => ({
  name,
  version,
  sizeGb,
  recipe: JSON.stringify(recipe),
  recipeDigest: recipeDigest(recipe),
});

export class SqlSoftwareReader extends Queries implements SoftwareReader {
  async list(ids?: readonly SoftwareId[]): Promise<Software[]> {
    const all = this.db.selectFrom('software').selectAll().orderBy('id');
    const rows = await (ids ? all.where('id', 'in', this.among(ids)) : all).execute();
    return rows.map(toSoftware);
  }

  async uses(id: SoftwareId): Promise<OfferUses> {
    const { rows } = await sql<{ images: number }>`select count(*) as images from (
      select image_id from image_software where software_id = ${id}
      union select image_id from build_step where software_id = ${id}) as found`.execute(this.db);
    return { images: Number(rows[0]?.images ?? 0), machines: 0, disks: 0 };
  }
}

export class SqlSoftwareWriter extends SqlSoftwareReader implements SoftwareWriter {
  async add(software: SoftwareContent): Promise<Software> {
    const row = await this.db
      .insertInto('software')
      .values({ ...toRow(software), createdAt: this.now(), retiredAt: null })
      .returningAll()
      .executeTakeFirstOrThrow();
    return toSoftware(row);
  }

  async setRetired(id: SoftwareId, retiredAt: number | null): Promise<void> {
    await this.db.updateTable('software').set({ retiredAt }).where('id', '=', id).execute();
  }

  async remove(id: SoftwareId): Promise<void> {
    await this.db.deleteFrom('software').where('id', '=', id).execute();
  }

  async update(id: SoftwareId, software: SoftwareContent): Promise<Software> {
    const row = await this.db
      .updateTable('software')
      .set(toRow(software))
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst();
    if (row) return toSoftware(row);
    throw new AppError(
      'not_found',
      `There is no software ${id}; list it with: silversmith software list`,
    );
  }
}
