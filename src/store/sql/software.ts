// Queries on software.

import { AppError } from '../../domain/error.ts';
import type { SoftwareId } from '../../domain/ids.ts';
import { type Recipe, recipeDigest, type Software } from '../../domain/software.ts';
import type { SoftwareContent, SoftwareReader, SoftwareWriter } from '../port/software.ts';
import type { Database } from './schema.ts';
import { Queries } from './scope.ts';

const toSoftware = (row: Omit<Database['software'], 'id'> & { id: SoftwareId }): Software => ({
  ...row,
  recipe: JSON.parse(row.recipe) as Recipe,
});

const toRow = ({ name, sizeGb, recipe }: SoftwareContent) => ({
  name,
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
}

export class SqlSoftwareWriter extends SqlSoftwareReader implements SoftwareWriter {
  async add(software: SoftwareContent): Promise<Software> {
    const row = await this.db
      .insertInto('software')
      .values({ ...toRow(software), createdAt: this.now() })
      .returningAll()
      .executeTakeFirstOrThrow();
    return toSoftware(row);
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
