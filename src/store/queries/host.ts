// Queries on what the host is seen to have: room on its disk, and things in the engine's keeping that the store does not know.

import type { Capacity } from '../../domain/capacity.ts';
import type { Db, Stranger } from '../schema.ts';

export const hostQueries = (db: Db, now: () => number) => ({
  /** As it was last looked at; undefined when it never was. */
  capacity: (): Promise<Capacity | undefined> =>
    db.selectFrom('host').select(['totalBytes', 'freeBytes']).executeTakeFirst(),
  async seen({ totalBytes, freeBytes }: Capacity): Promise<void> {
    const row = { totalBytes, freeBytes, seenAt: now() };
    await db
      .insertInto('host')
      .values({ id: 1, ...row })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
      .execute();
  },

  strangers: (): Promise<Stranger[]> => db.selectFrom('stranger').selectAll().orderBy('seenAt').orderBy('id').execute(),
  /** Notes a stranger once: when it is seen again, the first time stays. True when it is new. */
  async noteStranger(stranger: Omit<Stranger, 'seenAt'>): Promise<boolean> {
    const result = await db
      .insertInto('stranger')
      .values({ ...stranger, seenAt: now() })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return result.numInsertedOrUpdatedRows === 1n;
  },
  async forgetStranger({ kind, id }: Pick<Stranger, 'kind' | 'id'>): Promise<void> {
    await db.deleteFrom('stranger').where('kind', '=', kind).where('id', '=', id).execute();
  },
});
