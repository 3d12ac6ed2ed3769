// What there is, counted over all organisations: for whoever watches the service.

import type { Db } from './schema.ts';

export interface Counted {
  labels: Record<string, string>;
  count: number;
}

export interface Counts {
  /** Those that are open, by kind and state. */
  jobs: Counted[];
  /** Jobs whose owner has not renewed its lease, and that nobody has taken over. */
  leasesOverdue: number;
  images: Counted[];
  machines: Counted[];
  layers: Counted[];
  layerBytes: Counted[];
  disks: Counted[];
  orphans: number;
  /**
   * When the sealed layer that was verified longest ago was (or was made, if never), ms since 1970;
   * null without layers.
   */
  oldestVerifiedAt: number | null;
}

export const countQueries = (db: Db, now: () => number) => async (): Promise<Counts> => {
  const jobs = await db
    .selectFrom('job')
    .where('state', 'in', ['queued', 'running'])
    .groupBy(['kind', 'state'])
    .select((e) => ['kind', 'state', e.fn.countAll<number>().as('count')])
    .execute();
  const overdue = await db
    .selectFrom('job')
    .where('state', '=', 'running')
    .where('leaseUntil', '<', now())
    .select((e) => e.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  const images = await db
    .selectFrom('image')
    .where('deletedAt', 'is', null)
    .groupBy('status')
    .select((e) => ['status', e.fn.countAll<number>().as('count')])
    .execute();
  const machines = await db
    .selectFrom('machine')
    .groupBy('status')
    .select((e) => ['status', e.fn.countAll<number>().as('count')])
    .execute();
  const layers = await db
    .selectFrom('layer')
    .groupBy(['kind', 'state'])
    .select((e) => [
      'kind',
      'state',
      e.fn.countAll<number>().as('count'),
      e.fn.sum<number>('storedBytes').as('bytes'),
    ])
    .execute();
  const disks = await db
    .selectFrom('disk')
    .groupBy('state')
    .select((e) => ['state', e.fn.countAll<number>().as('count')])
    .execute();
  const orphans = await db
    .selectFrom('orphan')
    .select((e) => e.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  const verified = await db
    .selectFrom('layer')
    .where('state', '=', 'sealed')
    .select((e) => e.fn.min(e.fn.coalesce('verifiedAt', 'createdAt')).as('at'))
    .executeTakeFirst();
  const counted = <Row extends { count: number }>(rows: readonly Row[]): Counted[] =>
    rows.map(({ count, ...rest }) => ({
      labels: rest as unknown as Record<string, string>,
      count: Number(count),
    }));
  return {
    jobs: counted(jobs),
    leasesOverdue: Number(overdue.count),
    images: counted(images),
    machines: counted(machines),
    layers: counted(layers.map(({ bytes, ...row }) => row)),
    layerBytes: layers.map(({ kind, state, bytes }) => ({
      labels: { kind, state },
      count: Number(bytes),
    })),
    disks: counted(disks),
    orphans: Number(orphans.count),
    oldestVerifiedAt: verified?.at ?? null,
  };
};
