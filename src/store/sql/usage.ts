// What an organisation has, counted, and what it may have.

import { sql } from 'kysely';
import { jobKindsThat } from '../../domain/job.ts';
import { gbBytes } from '../../domain/layer.ts';
import { defaultQuotas, type Quotas } from '../../domain/organisation.ts';
import type { Db, Scope } from './schema.ts';

const inGb = (bytes: number) => Math.round((bytes / gbBytes) * 1000) / 1000;

export const usageQueries = (db: Db, scope: Scope) => {
  const organisationId = () => {
    if (scope === 'system') throw new TypeError('usage is counted for an organisation');
    return scope;
  };
  const organisation = () =>
    db
      .selectFrom('organisation')
      .where('id', '=', organisationId())
      .select(['quotas', 'generalizeAt'])
      .executeTakeFirstOrThrow();
  const count = async (table: 'image' | 'machine') => {
    let query = db.selectFrom(table).where('organisationId', '=', organisationId());
    if (table === 'image') query = query.where('deletedAt' as never, 'is', null);
    return Number(
      (await query.select((e) => e.fn.countAll<number>().as('count')).executeTakeFirstOrThrow())
        .count,
    );
  };
  const diskGb = async (state: 'kept' | 'active') => {
    const row = await db
      .selectFrom('disk')
      .where('organisationId', '=', organisationId())
      .where('state', '=', state)
      .select((e) => e.fn.sum<number>('storedBytes').as('bytes'))
      .executeTakeFirstOrThrow();
    return inGb(Number(row.bytes ?? 0));
  };
  return {
    quotas: async (): Promise<Quotas> => ({
      ...defaultQuotas,
      ...(JSON.parse((await organisation()).quotas) as Partial<Quotas>),
    }),
    /** Whether captures are generalised when nothing else is asked for. */
    generalizes: async (): Promise<boolean> => (await organisation()).generalizeAt !== null,
    images: () => count('image'),
    machines: () => count('machine'),
    async builds(): Promise<number> {
      const row = await db
        .selectFrom('job')
        .where('organisationId', '=', organisationId())
        .where(
          'kind',
          'in',
          jobKindsThat(({ countsAsBuild }) => countsAsBuild),
        )
        .where('state', 'in', ['queued', 'running'])
        .select((e) => e.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      return Number(row.count);
    },
    keptGb: () => diskGb('kept'),
    /** What the machines' own disks take. */
    disksGb: () => diskGb('active'),
    /**
     * Bytes of its captures and imports, and of the files of its transfers, until they are gone
     * from the disk of the host, whatever was deleted; bases and installed software are
     * everybody's.
     */
    async storedBytes(): Promise<number> {
      const own = organisationId();
      const { rows } = await sql<{ bytes: number | null }>`
        select (select coalesce(sum(stored_bytes), 0) from layer where organisation_id = ${own})
          + (select coalesce(sum(held_bytes), 0) from transfer where organisation_id = ${own}) as bytes`.execute(
        db,
      );
      return Number(rows[0]?.bytes ?? 0);
    },
    async storedGb(): Promise<number> {
      return inGb(await this.storedBytes());
    },
  };
};
