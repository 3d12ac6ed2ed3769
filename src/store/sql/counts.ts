// Queries that count what there is, for the metrics.

import type { Counted, Counts } from '../port/counts.ts';
import type { Db } from './schema.ts';

/** Turns rows of groups into labels and counts. */
const counted = (rows: readonly { count: number; [label: string]: string | number }[]): Counted[] =>
  rows.map(({ count, ...labels }) => ({
    labels: Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, `${value}`])),
    count: Number(count),
  }));

async function countJobs(db: Db, now: number): Promise<Pick<Counts, 'jobs' | 'leasesOverdue'>> {
  const jobs = await db
    .selectFrom('job')
    .where('state', 'in', ['queued', 'running'])
    .groupBy(['kind', 'state'])
    .select((e) => ['kind', 'state', e.fn.countAll<number>().as('count')])
    .execute();
  const overdue = await db
    .selectFrom('job')
    .where('state', '=', 'running')
    .where('leaseUntil', '<', now)
    .select((e) => e.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return { jobs: counted(jobs), leasesOverdue: Number(overdue.count) };
}

async function countLayers(
  db: Db,
): Promise<Pick<Counts, 'layers' | 'layerBytes' | 'oldestVerifiedAt'>> {
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
  const verified = await db
    .selectFrom('layer')
    .where('state', '=', 'sealed')
    .select((e) => e.fn.min(e.fn.coalesce('verifiedAt', 'createdAt')).as('at'))
    .executeTakeFirst();
  return {
    layers: counted(layers.map(({ bytes, ...row }) => row)),
    layerBytes: counted(layers.map(({ bytes, ...row }) => ({ ...row, count: bytes }))),
    oldestVerifiedAt: verified?.at ?? null,
  };
}

export async function countAll(db: Db, now: number): Promise<Counts> {
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
  const disks = await db
    .selectFrom('disk')
    .groupBy('state')
    .select((e) => ['state', e.fn.countAll<number>().as('count')])
    .execute();
  const orphans = await db
    .selectFrom('orphan')
    .select((e) => e.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return {
    ...(await countJobs(db, now)),
    ...(await countLayers(db)),
    images: counted(images),
    machines: counted(machines),
    disks: counted(disks),
    orphans: Number(orphans.count),
  };
}
