// What there is, counted over all organisations: for whoever watches the service.

import type { Db } from '../schema.ts';

export interface Counted {
  labels: Record<string, string>;
  count: number;
}

export interface Census {
  /** Those that are open, by kind and state. */
  operations: Counted[];
  /** Operations whose owner has not renewed its lease, and that nobody has taken over. */
  leasesOverdue: number;
  images: Counted[];
  machines: Counted[];
  layers: Counted[];
  layerBytes: Counted[];
  disks: Counted[];
  strangers: number;
  /** When the sealed layer that was verified longest ago was (or was made, if never), ms since 1970; null without layers. */
  oldestVerifiedAt: number | null;
}

export const censusQueries = (db: Db, now: () => number) => async (): Promise<Census> => {
  const operations = await db
    .selectFrom('operation')
    .where('state', 'in', ['queued', 'running'])
    .groupBy(['kind', 'state'])
    .select((e) => ['kind', 'state', e.fn.countAll<number>().as('count')])
    .execute();
  const overdue = await db
    .selectFrom('operation')
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
    .select((e) => ['kind', 'state', e.fn.countAll<number>().as('count'), e.fn.sum<number>('storedBytes').as('bytes')])
    .execute();
  const disks = await db
    .selectFrom('disk')
    .groupBy('state')
    .select((e) => ['state', e.fn.countAll<number>().as('count')])
    .execute();
  const strangers = await db
    .selectFrom('stranger')
    .select((e) => e.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  const verified = await db
    .selectFrom('layer')
    .where('state', '=', 'sealed')
    .select((e) => e.fn.min(e.fn.coalesce('verifiedAt', 'createdAt')).as('at'))
    .executeTakeFirst();
  const counted = <Row extends { count: number }>(rows: readonly Row[]): Counted[] =>
    rows.map(({ count, ...rest }) => ({ labels: rest as unknown as Record<string, string>, count: Number(count) }));
  return {
    operations: counted(operations),
    leasesOverdue: Number(overdue.count),
    images: counted(images),
    machines: counted(machines),
    layers: counted(layers.map(({ bytes, ...row }) => row)),
    layerBytes: layers.map(({ kind, state, bytes }) => ({ labels: { kind, state }, count: Number(bytes) })),
    disks: counted(disks),
    strangers: Number(strangers.count),
    oldestVerifiedAt: verified?.at ?? null,
  };
};
