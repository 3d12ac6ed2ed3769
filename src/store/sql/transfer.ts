// Queries on transfers: images on their way out and in.

import { notFound } from '../../domain/error.ts';
import type { TransferId } from '../../domain/ids.ts';
import type { Transfer } from '../../domain/transfer.ts';
import type { Db, Scope } from './schema.ts';

export const transferQueries = (db: Db, scope: Scope, now: () => number) => {
  const all = () => {
    const query = db.selectFrom('transfer').where('deletedAt', 'is', null);
    return scope === 'system' ? query : query.where('organisationId', '=', scope);
  };
  const find = (id: TransferId): Promise<Transfer | undefined> =>
    all().where('id', '=', id).selectAll().executeTakeFirst();
  return {
    find,
    async get(id: TransferId): Promise<Transfer> {
      const transfer = await find(id);
      if (!transfer) throw notFound('transfer', id);
      return transfer;
    },
    list: (): Promise<Transfer[]> =>
      all().selectAll().orderBy('createdAt', 'desc').orderBy('id').execute(),
    async add(transfer: Omit<Transfer, 'createdAt' | 'statusReason'>): Promise<Transfer> {
      const row = { ...transfer, statusReason: null, createdAt: now() };
      await db
        .insertInto('transfer')
        .values({ ...row, deletedAt: null })
        .execute();
      return row;
    },
    async update(
      id: TransferId,
      change: Partial<
        Pick<
          Transfer,
          | 'status'
          | 'statusReason'
          | 'imageId'
          | 'bytes'
          | 'heldBytes'
          | 'receivedBytes'
          | 'sha256'
          | 'manifest'
          | 'signature'
          | 'expiresAt'
        >
      >,
    ): Promise<void> {
      let query = db.updateTable('transfer').set(change).where('id', '=', id);
      if (scope !== 'system') query = query.where('organisationId', '=', scope);
      await query.execute();
    },
    /** Hides a transfer; the collector removes its file, and then the row. */
    async delete(id: TransferId): Promise<void> {
      await db.updateTable('transfer').set({ deletedAt: now() }).where('id', '=', id).execute();
    },
    /** Those that are deleted and whose row is still there. */
    deleted: async (): Promise<TransferId[]> =>
      (
        await db.selectFrom('transfer').where('deletedAt', 'is not', null).select('id').execute()
      ).map(({ id }) => id),
    async remove(id: TransferId): Promise<void> {
      await db.deleteFrom('transfer').where('id', '=', id).execute();
    },
  };
};
