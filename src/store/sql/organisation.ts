// Queries on organisations.

import { AppError } from '../../domain/error.ts';
import type { OrganisationId } from '../../domain/ids.ts';
import { defaultQuotas, type Quotas } from '../../domain/organisation.ts';
import type { TemplatePolicy } from '../../domain/template.ts';
import type { OrganisationReader, OrganisationWriter } from '../port/organisation.ts';
import { Queries } from './scope.ts';

/** Reads the column `quotas`, which has only those that were set. */
export const toQuotas = (json: string): Quotas => ({
  ...defaultQuotas,
  ...(JSON.parse(json) as Partial<Quotas>),
});

export class SqlOrganisationReader extends Queries implements OrganisationReader {
  list(): Promise<{ id: OrganisationId; name: string }[]> {
    return this.db.selectFrom('organisation').select(['id', 'name']).orderBy('id').execute();
  }

  async areSeveral(): Promise<boolean> {
    const rows = await this.db.selectFrom('organisation').select('id').limit(2).execute();
    return rows.length > 1;
  }

  protected find(name: string): Promise<{ id: OrganisationId } | undefined> {
    return this.db
      .selectFrom('organisation')
      .where('name', '=', name)
      .select('id')
      .executeTakeFirst();
  }

  async byName(name: string): Promise<OrganisationId> {
    const found = await this.find(name);
    if (found) return found.id;
    throw new AppError(
      'not_found',
      `There is no organisation ${name}; list them with: silversmith organisation list`,
    );
  }

  async quotas(id: OrganisationId): Promise<Quotas> {
    const row = await this.db
      .selectFrom('organisation')
      .where('id', '=', id)
      .select('quotas')
      .executeTakeFirstOrThrow();
    return toQuotas(row.quotas);
  }
}

export class SqlOrganisationWriter extends SqlOrganisationReader implements OrganisationWriter {
  async ensure(name: string): Promise<OrganisationId> {
    const found = await this.find(name);
    if (found) return found.id;
    const { id } = await this.db
      .insertInto('organisation')
      .values({ name, createdAt: this.now(), generalizeAt: null })
      .returning('id')
      .executeTakeFirstOrThrow();
    return id;
  }

  async setQuotas(id: OrganisationId, quotas: Partial<Quotas>): Promise<void> {
    await this.db
      .updateTable('organisation')
      .set({ quotas: JSON.stringify(quotas) })
      .where('id', '=', id)
      .execute();
  }

  async setGeneralize(id: OrganisationId, on: boolean): Promise<void> {
    await this.db
      .updateTable('organisation')
      .set({ generalizeAt: on ? this.now() : null })
      .where('id', '=', id)
      .execute();
  }

  async setTemplates(id: OrganisationId, templates: TemplatePolicy | null): Promise<void> {
    await this.db.updateTable('organisation').set({ templates }).where('id', '=', id).execute();
  }
}
