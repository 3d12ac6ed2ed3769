// Queries on jobs: the reconciler's queue, its leases, and their fences.

import { sql } from 'kysely';
import { AppError } from '../../domain/error.ts';
import type { ImageId, JobId, MachineId, TransferId } from '../../domain/ids.ts';
import type { Begun, Job, JobKind, JobSubject, NewJob } from '../../domain/job.ts';
import { among, type Database, type Db, insertAll } from './schema.ts';

/** The columns of a row are the fields of the union, whose data is of the kind that the row names. */
const toJob = (row: Omit<Database['job'], 'id'> & { id: JobId }): Job => ({
  ...row,
  data: JSON.parse(row.data) as Job['data'],
});

/**
 * Thrown to the late owner of a lease that has passed to another: what it was about to write is
 * refused.
 */
export class LeaseLost extends Error {}

const noSubject: JobSubject = { imageId: null, machineId: null, transferId: null, layerId: null };

export const jobQueries = (db: Db, now: () => number) => {
  const open = () => db.selectFrom('job').where('state', 'in', ['queued', 'running']);
  return {
    /** At most one open job per machine and per image: the store refuses a second. */
    async enqueue(jobs: readonly NewJob[]): Promise<void> {
      const at = now();
      const rows = jobs.map(({ data, ...job }) => ({
        ...noSubject,
        ...job,
        state: 'queued' as const,
        phase: 'waiting',
        progress: 0,
        attempts: 0,
        failures: 0,
        notBefore: at,
        leaseOwner: null,
        leaseUntil: null,
        reason: null,
        data: JSON.stringify(data ?? {}),
        createdAt: at,
        updatedAt: at,
      }));
      await insertAll(db, 'job', rows);
    },

    /** What is open, oldest first; whether it is due is not looked at. At most `limit`. */
    async open(limit: number): Promise<Job[]> {
      const rows = await open().selectAll().orderBy('id').limit(limit).execute();
      return rows.map(toJob);
    },

    /**
     * What may be claimed or runs, oldest first: all but what waits for a time that is less than
     * `waitMostMs` away.
     */
    async due(limit: number, waitMostMs: number): Promise<Job[]> {
      const rows = await open()
        .where((e) =>
          e.or([
            e('state', '=', 'running'),
            e('notBefore', '<=', now()),
            e('notBefore', '>', now() + waitMostMs),
          ]),
        )
        .selectAll()
        .orderBy('id')
        .limit(limit)
        .execute();
      return rows.map(toJob);
    },

    async openOfKind<Kind extends JobKind>(kind: Kind): Promise<Job<Kind>[]> {
      const rows = await open().where('kind', '=', kind).selectAll().execute();
      return rows.map(toJob) as Job<Kind>[];
    },

    /** When the next queued job becomes due; undefined when none waits. */
    async nextDue(): Promise<number | undefined> {
      const row = await open()
        .where('state', '=', 'queued')
        .select((e) => e.fn.min('notBefore').as('at'))
        .executeTakeFirst();
      return row?.at ?? undefined;
    },

    async get(id: JobId): Promise<Job> {
      return toJob(
        await db.selectFrom('job').where('id', '=', id).selectAll().executeTakeFirstOrThrow(),
      );
    },

    /** Takes a job that is queued, or whose lease is over. Undefined when another was faster. */
    async claim(id: JobId, owner: string, leaseMs: number): Promise<Job | undefined> {
      const row = await db
        .updateTable('job')
        .set((e) => ({
          state: 'running',
          leaseOwner: owner,
          leaseUntil: now() + leaseMs,
          attempts: e('attempts', '+', 1),
          updatedAt: now(),
        }))
        .where('id', '=', id)
        .where((e) =>
          e.or([
            e('state', '=', 'queued'),
            e.and([e('state', '=', 'running'), e('leaseUntil', '<=', now())]),
          ]),
        )
        .returningAll()
        .executeTakeFirst();
      return row && toJob(row);
    },

    /**
     * Changes a job under its lease; throws LeaseLost when the lease is not this attempt's any
     * more.
     */
    async fencedUpdate(
      job: Job,
      change: Partial<
        Pick<
          Job,
          | 'phase'
          | 'progress'
          | 'leaseUntil'
          | 'state'
          | 'reason'
          | 'notBefore'
          | 'leaseOwner'
          | 'failures'
        >
      > & { data?: Job['data'] },
    ): Promise<void> {
      const { data, ...plain } = change;
      const result = await db
        .updateTable('job')
        .set({ ...plain, ...(data && { data: JSON.stringify(data) }), updatedAt: now() })
        .where('id', '=', job.id)
        .where('state', '=', 'running')
        .where('leaseOwner', '=', job.leaseOwner)
        .where('attempts', '=', job.attempts)
        .executeTakeFirst();
      if (result.numUpdatedRows !== 1n) throw new LeaseLost(`job ${job.id} is not ours any more`);
    },

    /**
     * Cancels the queued job of an image and returns it, for what it would have settled; throws
     * when it has begun.
     */
    async cancelOfImage(imageId: ImageId): Promise<Job | undefined> {
      const row = await open().where('imageId', '=', imageId).selectAll().executeTakeFirst();
      if (!row) return undefined;
      if (row.state !== 'queued')
        throw new AppError('image_building', `Image ${imageId} is building and cannot be deleted.`);
      await db
        .updateTable('job')
        .set({ state: 'cancelled', updatedAt: now() })
        .where('id', '=', row.id)
        .execute();
      return toJob(row);
    },

    /** What says that it is being worked on, though no job is open for it. */
    async abandoned(): Promise<{
      transfers: TransferId[];
      images: ImageId[];
      machines: MachineId[];
    }> {
      const ids = async <Id>(what: string) =>
        (await sql<{ id: Id }>`select id from ${sql.raw(what)}`.execute(db)).rows.map(
          (row) => row.id,
        );
      const none = (condition: string) =>
        `not exists (select 1 from job where job.state in ('queued', 'running') and ${condition})`;
      return {
        transfers: await ids<TransferId>(
          `transfer where status = 'building' and deleted_at is null and ${none('job.transfer_id = transfer.id')}`,
        ),
        images: await ids<ImageId>(
          `image where status in ('pending', 'building') and deleted_at is null and ${none('job.image_id = image.id')}`,
        ),
        machines: await ids<MachineId>(
          `machine where (status not in ('off', 'ready') or capturing_image_id is not null) and ${none('job.machine_id = machine.id')}`,
        ),
      };
    },

    /** Stores an id that a job chose, and returns it, or the one that it chose before. */
    async begin<Id extends string>(
      { id: jobId }: Pick<Job, 'id'>,
      name: string,
      id: Id,
    ): Promise<Id> {
      await db
        .insertInto('begun')
        .values({ jobId, name, id })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      const row = db.selectFrom('begun').where('jobId', '=', jobId).where('name', '=', name);
      return (await row.select('id').executeTakeFirstOrThrow()).id as Id;
    },
    /** The ids that one job chose, by their names. */
    async begunBy(jobId: JobId): Promise<Map<string, string>> {
      const rows = await db.selectFrom('begun').where('jobId', '=', jobId).selectAll().execute();
      return new Map(rows.map(({ name, id }) => [name, id]));
    },
    /** The ids that open jobs chose. */
    async begun(): Promise<Begun[]> {
      const ids = open().select('job.id');
      return db.selectFrom('begun').where('jobId', 'in', ids).selectAll().execute();
    },

    /**
     * Takes or renews a named lease for so long. False when another server has it: so one server at
     * a time does the work of that name.
     */
    async takeLease(name: string, owner: string, leaseMs: number): Promise<boolean> {
      const row = { owner, until: now() + leaseMs };
      const taken = await db
        .insertInto('lease')
        .values({ name, ...row })
        .onConflict((conflict) =>
          conflict
            .column('name')
            .doUpdateSet(row)
            .where((e) => e.or([e('lease.owner', '=', owner), e('lease.until', '<=', now())])),
        )
        .executeTakeFirst();
      return taken.numInsertedOrUpdatedRows === 1n;
    },

    /**
     * Ends every lease at once. For a store that one server owns: no other server can still hold a
     * lease.
     */
    async releaseAll(): Promise<void> {
      await db.updateTable('job').set({ leaseUntil: 0 }).where('state', '=', 'running').execute();
      await db.deleteFrom('lease').execute();
    },

    /** The open jobs of these images, for their phase and progress. */
    async ofImages(ids: readonly ImageId[]): Promise<Job[]> {
      return (await open().where('imageId', 'in', among(ids)).selectAll().execute()).map(toJob);
    },
    async ofMachines(ids: readonly MachineId[]): Promise<Job[]> {
      return (await open().where('machineId', 'in', among(ids)).selectAll().execute()).map(toJob);
    },

    /** Forgets ended jobs older than a time. */
    async prune(before: number): Promise<void> {
      await db
        .deleteFrom('job')
        .where('state', 'not in', ['queued', 'running'])
        .where('updatedAt', '<', before)
        .execute();
    },
  };
};
