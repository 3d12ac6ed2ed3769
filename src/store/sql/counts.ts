// Queries that count things, for the metrics.

import { sql } from 'kysely';
import { openJobStates } from '../../domain/job.ts';
import type { Counted, Counts } from '../port/counts.ts';
import { isUsable } from './chain.ts';
import type { Db } from './schema.ts';

/** Turns rows of groups into labels and counts. */
const counted = (rows: readonly { count: number; [label: string]: string | number }[]): Counted[] =>
  rows.map(({ count, ...labels }) => ({
    labels: Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, `${value}`])),
    count: Number(count),
  }));

async function countJobs(
  db: Db,
  now: number,
): Promise<Pick<Counts, 'jobs' | 'leasesOverdue' | 'oldestJobAt'>> {
  const jobs = await db
    .selectFrom('job')
    .where('state', 'in', openJobStates)
    .groupBy(['kind', 'state'])
    .select((e) => [
      'kind',
      'state',
      e.fn.countAll<number>().as('count'),
      e.fn.min('id').as('first'),
    ])
    .execute();
  // Its row alone is read: the index on open jobs has no times.
  const [first] = jobs.map((row) => row.first).sort((one, other) => one - other);
  const oldest =
    first === undefined
      ? undefined
      : await db.selectFrom('job').where('id', '=', first).select('createdAt').executeTakeFirst();
  const overdue = await db
    .selectFrom('job')
    .where('state', '=', 'running')
    .where('leaseUntil', '<', now)
    .select((e) => e.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return {
    jobs: counted(jobs.map(({ first, ...row }) => row)),
    oldestJobAt: oldest?.createdAt ?? null,
    leasesOverdue: Number(overdue.count),
  };
}

async function countLayers(
  db: Db,
): Promise<Pick<Counts, 'layers' | 'layerBytes' | 'oldestVerifiedAt'>> {
  const shown = sql<string>`case when layer.state = 'sealed' and not ${isUsable}
    then 'quarantined' else layer.state end`;
  const layers = await db
    .selectFrom('layer')
    .leftJoin('layerCopy', 'layerCopy.layerId', 'layer.id')
    .groupBy(['kind', shown])
    .select((e) => [
      'kind',
      shown.as('state'),
      e.fn.count<number>('layer.id').distinct().as('count'),
      e.fn.coalesce(e.fn.sum<number>('storedBytes'), e.lit(0)).as('bytes'),
    ])
    .execute();
  const verified = await db
    .selectFrom('layerCopy')
    .innerJoin('layer', 'layer.id', 'layerCopy.layerId')
    .where('layer.state', '=', 'sealed')
    .where('layerCopy.state', '=', 'sound')
    .select((e) => e.fn.min(e.fn.coalesce('verifiedAt', 'createdAt')).as('at'))
    .executeTakeFirst();
  return {
    layers: counted(layers.map(({ bytes, ...row }) => row)),
    layerBytes: counted(layers.map(({ bytes, ...row }) => ({ ...row, count: bytes }))),
    oldestVerifiedAt: verified?.at ?? null,
  };
}

async function countDeliveries(
  db: Db,
): Promise<Pick<Counts, 'deliveries' | 'oldestDeliveryAt' | 'oldestEventAt'>> {
  // Each webhook's is the first of an index.
  const oldest = sql<number | null>`(select min(created_at) from webhook_delivery
    where webhook_id = webhook.id and state = 'waiting')`;
  const waiting = await db
    .selectFrom('webhook')
    .where('pausedAt', 'is', null)
    .select((e) => e.fn.min<number | null>(oldest).as('at'))
    .executeTakeFirst();
  const event = await db
    .selectFrom('event')
    .select('createdAt')
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();
  return {
    deliveries: await tallied(db, 'webhook_delivery', 'state'),
    oldestDeliveryAt: waiting?.at ?? null,
    oldestEventAt: event?.createdAt ?? null,
  };
}

/** The kept numbers of a noun, with its part under this label. */
const tallied = async (db: Db, noun: string, label: 'state' | 'status') =>
  counted(
    await db
      .selectFrom('tally')
      .where('noun', '=', noun)
      .groupBy('part')
      .select((e) => [e.ref('part').as(label), e.fn.sum<number>('amount').as('count')])
      .having((e) => e.fn.sum<number>('amount'), '>', 0)
      .execute(),
  );

export async function countAll(db: Db, now: number): Promise<Counts> {
  const disks = await db
    .selectFrom('disk')
    .groupBy('state')
    .select((e) => ['state', e.fn.countAll<number>().as('count')])
    .execute();
  const orphans = await db
    .selectFrom('orphan')
    .select((e) => e.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  const templates = await db
    .selectFrom('template')
    .groupBy('state')
    .select((e) => [
      'state',
      e.fn.countAll<number>().as('count'),
      e.fn.sum<number>(sql`state_bytes + memory_bytes`).as('bytes'),
    ])
    .execute();
  return {
    ...(await countJobs(db, now)),
    ...(await countLayers(db)),
    ...(await countDeliveries(db)),
    images: await tallied(db, 'image', 'status'),
    machines: await tallied(db, 'machine', 'status'),
    disks: counted(disks),
    templates: counted(templates.map(({ bytes, ...row }) => row)),
    templateBytes: templates.reduce((sum, { bytes }) => sum + Number(bytes), 0),
    orphans: Number(orphans.count),
  };
}
