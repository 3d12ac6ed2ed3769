// Queries on the links that open a machine's screen: kept as hashes, good once and for a while.

import type { AccessLink } from '../../domain/access.ts';
import type { Db, Scope } from './schema.ts';

export const accessQueries = (db: Db, scope: Scope, now: () => number) => {
  const usable = (tokenHash: string) => {
    const query = db
      .selectFrom('accessLink')
      .where('tokenHash', '=', tokenHash)
      .where('usedAt', 'is', null)
      .where('expiresAt', '>', now())
      // It is good for as long as the key that made it.
      .where('keyId', 'in', (key) =>
        key
          .selectFrom('accessKey')
          .where('revokedAt', 'is', null)
          .where(({ or, eb }) => or([eb('expiresAt', 'is', null), eb('expiresAt', '>', now())]))
          .select('id'),
      );
    return scope === 'system' ? query : query.where('organisationId', '=', scope);
  };
  return {
    async add(link: Omit<AccessLink, 'usedAt' | 'createdAt'>): Promise<void> {
      await db
        .insertInto('accessLink')
        .values({ ...link, usedAt: null, createdAt: now() })
        .execute();
    },
    /** The link, when it is still good. */
    find: (tokenHash: string): Promise<AccessLink | undefined> =>
      usable(tokenHash).selectAll().executeTakeFirst(),
    /** Uses the link up; false when somebody was faster. */
    async use(uid: string): Promise<boolean> {
      const result = await db
        .updateTable('accessLink')
        .set({ usedAt: now() })
        .where('uid', '=', uid)
        .where('usedAt', 'is', null)
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },
    /** Forgets those that were over before a time. */
    async prune(before: number): Promise<void> {
      await db.deleteFrom('accessLink').where('expiresAt', '<=', before).execute();
    },
  };
};
