// Queries on organisations, their access keys, and the signatures that the keys have used.

import { type Selectable, sql } from 'kysely';
import { AppError } from '../../domain/error.ts';
import type { KeyId, OrganisationId } from '../../domain/ids.ts';
import type { AccessKey, Permission } from '../../domain/key.ts';
import { defaultQuotas, type Quotas } from '../../domain/organisation.ts';
import type { Database, Db } from './schema.ts';

export const organisationQueries = (db: Db, now: () => number) => ({
  list: (): Promise<{ id: OrganisationId; name: string }[]> =>
    db.selectFrom('organisation').select(['id', 'name']).orderBy('id').execute(),
  async quotas(id: OrganisationId): Promise<Quotas> {
    const row = await db
      .selectFrom('organisation')
      .where('id', '=', id)
      .select('quotas')
      .executeTakeFirstOrThrow();
    return { ...defaultQuotas, ...(JSON.parse(row.quotas) as Partial<Quotas>) };
  },
  async setQuotas(id: OrganisationId, quotas: Partial<Quotas>): Promise<void> {
    await db
      .updateTable('organisation')
      .set({ quotas: JSON.stringify(quotas) })
      .where('id', '=', id)
      .execute();
  },
  async setGeneralize(id: OrganisationId, on: boolean): Promise<void> {
    await db
      .updateTable('organisation')
      .set({ generalizeAt: on ? now() : null })
      .where('id', '=', id)
      .execute();
  },
  /** Throws not-found. */
  async byName(name: string): Promise<OrganisationId> {
    const found = await db
      .selectFrom('organisation')
      .where('name', '=', name)
      .select('id')
      .executeTakeFirst();
    if (!found)
      throw new AppError(
        'not_found',
        `There is no organisation ${name}; list them with: silversmith organisation list`,
      );
    return found.id;
  },
  /** The organisation of that name, added when there is none. */
  async ensure(name: string): Promise<OrganisationId> {
    const found = await db
      .selectFrom('organisation')
      .where('name', '=', name)
      .select('id')
      .executeTakeFirst();
    if (found) return found.id;
    return (
      await db
        .insertInto('organisation')
        .values({ name, createdAt: now(), generalizeAt: null })
        .returning('id')
        .executeTakeFirstOrThrow()
    ).id;
  },
});

export const keyQueries = (db: Db, now: () => number) => ({
  /**
   * Like `find`, for a caller whom the time that it takes must not tell whether there is such a
   * key: without one, another one's row is read.
   */
  async claimed(id: string): Promise<AccessKey | undefined> {
    // Written out, since each request asks it: to put it together takes longer than to run it.
    const { rows } = await sql<
      Selectable<Database['accessKey']>
    >`select * from access_key where id = (
      select max(id) from access_key where id = ${id} or id = (select min(id) from access_key))`.execute(
      db,
    );
    const row = rows[0];
    const key = row && { ...row, permissions: JSON.parse(row.permissions) as Permission[] };
    return key?.id === id ? key : undefined;
  },
  async find(id: string): Promise<AccessKey | undefined> {
    const row = await db
      .selectFrom('accessKey')
      .where('id', '=', id as KeyId)
      .selectAll()
      .executeTakeFirst();
    return row && { ...row, permissions: JSON.parse(row.permissions) as Permission[] };
  },
  async list(): Promise<AccessKey[]> {
    const rows = await db.selectFrom('accessKey').selectAll().orderBy('createdAt').execute();
    return rows.map((row) => ({
      ...row,
      permissions: JSON.parse(row.permissions) as Permission[],
    }));
  },
  async add(key: Omit<AccessKey, 'createdAt' | 'revokedAt' | 'lastUsedAt'>): Promise<void> {
    await db
      .insertInto('accessKey')
      .values({
        ...key,
        permissions: JSON.stringify(key.permissions),
        createdAt: now(),
        revokedAt: null,
        lastUsedAt: null,
      })
      .execute();
  },
  async used(id: KeyId): Promise<void> {
    await db.updateTable('accessKey').set({ lastUsedAt: now() }).where('id', '=', id).execute();
  },
  async expire(id: KeyId, expiresAt: number): Promise<void> {
    await db.updateTable('accessKey').set({ expiresAt }).where('id', '=', id).execute();
  },
  async reseal(id: KeyId, secretSealed: string, masterKeyId: string): Promise<void> {
    await db
      .updateTable('accessKey')
      .set({ secretSealed, masterKeyId })
      .where('id', '=', id)
      .execute();
  },
  /** Idempotent; throws not-found. */
  async revoke(id: KeyId): Promise<void> {
    const result = await db
      .updateTable('accessKey')
      .set((e) => ({ revokedAt: e.fn.coalesce('revokedAt', e.val(now())) }))
      .where('id', '=', id)
      .executeTakeFirst();
    if (result.numUpdatedRows !== 1n)
      throw new AppError('not_found', `There is no key ${id}; see: silversmith key list`);
  },
});

export const signatureQueries = (db: Db) => ({
  /**
   * False when the key has used the signature before. An empty one stands for all of the key's up
   * to its time.
   */
  async use(keyId: KeyId, signature: string, expiresAt: number): Promise<boolean> {
    const all = db
      .selectFrom('signature')
      .where('keyId', '=', keyId)
      .where('signature', '=', '')
      .where('expiresAt', '>=', expiresAt)
      .select('keyId');
    const row = db
      .selectNoFrom(({ val }) => [
        val(keyId).as('keyId'),
        val(signature).as('signature'),
        val(expiresAt).as('expiresAt'),
      ])
      .where(({ not, exists }) => not(exists(all)));
    const result = await db
      .insertInto('signature')
      .columns(['keyId', 'signature', 'expiresAt'])
      .expression(row)
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return result.numInsertedOrUpdatedRows === 1n;
  },
  /** Forgets those that were over before a time: from then on they could be used again. */
  async prune(before: number): Promise<void> {
    await db.deleteFrom('signature').where('expiresAt', '<', before).execute();
  },
});
