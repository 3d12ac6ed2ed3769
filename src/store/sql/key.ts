// Queries on access keys.

import { type Selectable, sql } from 'kysely';
import { AppError } from '../../domain/error.ts';
import type { KeyId } from '../../domain/ids.ts';
import type { AccessKey, Permission } from '../../domain/key.ts';
import type { KeyReader, KeyWriter } from '../port/key.ts';
import type { Database, Db } from './schema.ts';
import { Queries } from './scope.ts';

const toKey = (row: Selectable<Database['accessKey']>): AccessKey => ({
  ...row,
  permissions: JSON.parse(row.permissions) as Permission[],
});

/**
 * The row of a key that a request names. Where there is no such key, the row of another one is
 * read, so that both take the same time. It is written as SQL, because each request asks it and
 * building the query takes longer than running it.
 */
export async function claimedRow<Table extends 'accessKey' | 'operatorKey'>(
  db: Db,
  table: Table,
  id: string,
): Promise<Selectable<Database[Table]> | undefined> {
  const keys = sql.table(table);
  const { rows } = await sql<Selectable<Database[Table]> & { id: KeyId }>`
    select * from ${keys} where id = (
      select max(id) from ${keys}
      where id = ${id} or id = (select min(id) from ${keys}))`.execute(db);
  return rows[0]?.id === id ? rows[0] : undefined;
}

export class SqlKeyReader extends Queries implements KeyReader {
  async find(id: string): Promise<AccessKey | undefined> {
    const row = await this.within(this.db.selectFrom('accessKey'))
      .where('id', '=', id as KeyId)
      .selectAll()
      .executeTakeFirst();
    return row && toKey(row);
  }

  async findMany(ids: readonly string[]): Promise<AccessKey[]> {
    const rows = await this.within(this.db.selectFrom('accessKey'))
      .where('id', 'in', this.among(ids as readonly KeyId[]))
      .selectAll()
      .execute();
    return rows.map(toKey);
  }

  async claimed(id: string): Promise<AccessKey | undefined> {
    const row = await claimedRow(this.db, 'accessKey', id);
    return row && toKey(row);
  }

  async list(): Promise<AccessKey[]> {
    const rows = await this.within(this.db.selectFrom('accessKey'))
      .selectAll()
      .orderBy('createdAt')
      .orderBy('id')
      .execute();
    return rows.map(toKey);
  }

  async page(after: string | null, limit: number): Promise<AccessKey[]> {
    const rows = await this.within(this.db.selectFrom('accessKey'))
      .where('id', '>', (after ?? '') as KeyId)
      .selectAll()
      .orderBy('id')
      .limit(limit)
      .execute();
    return rows.map(toKey);
  }
}

type KeyChange = Partial<
  Pick<AccessKey, 'lastUsedAt' | 'expiresAt' | 'secretSealed' | 'masterKeyId'>
>;

export class SqlKeyWriter extends SqlKeyReader implements KeyWriter {
  async add(key: Omit<AccessKey, 'createdAt' | 'revokedAt' | 'lastUsedAt'>): Promise<void> {
    this.assertOwn(key);
    const permissions = JSON.stringify(key.permissions);
    const rest = { createdAt: this.now(), revokedAt: null, lastUsedAt: null };
    await this.db
      .insertInto('accessKey')
      .values({ ...key, permissions, ...rest })
      .execute();
  }

  used(id: KeyId): Promise<void> {
    return this.#update(id, { lastUsedAt: this.now() });
  }

  expire(id: KeyId, expiresAt: number): Promise<void> {
    return this.#update(id, { expiresAt });
  }

  reseal(id: KeyId, secretSealed: string, masterKeyId: string): Promise<void> {
    return this.#update(id, { secretSealed, masterKeyId });
  }

  async #update(id: KeyId, change: KeyChange): Promise<void> {
    await this.within(this.db.updateTable('accessKey').set(change)).where('id', '=', id).execute();
  }

  async revoke(id: KeyId): Promise<void> {
    const result = await this.within(
      this.db
        .updateTable('accessKey')
        .set((e) => ({ revokedAt: e.fn.coalesce('revokedAt', e.val(this.now())) })),
    )
      .where('id', '=', id)
      .executeTakeFirst();
    if (result.numUpdatedRows !== 1n)
      throw new AppError('not_found', `There is no key ${id}; see: silversmith key list`);
  }
}
