// Queries on jobs.

import { sql } from 'kysely';
import { AppError } from '../../domain/error.ts';
import type { ImageId, JobId, MachineId } from '../../domain/ids.ts';
import {
  type Begun,
  type Job,
  type JobKind,
  type JobSubject,
  jobKindNames,
  type NewJob,
  openJobStates,
} from '../../domain/job.ts';
import {
  type Abandoned,
  type ClaimableJob,
  type JobChange,
  type JobReader,
  type JobWriter,
  LeaseLost,
  type RunningJob,
} from '../port/job.ts';
import { dueJobs } from './due-jobs.ts';
import { openJob } from './open-job.ts';
import type { Database } from './schema.ts';
import { Queries } from './scope.ts';

/** The data is of the kind that the row names, because `enqueue` takes no other. */
const toJob = (row: Omit<Database['job'], 'id'> & { id: JobId }): Job => ({
  ...row,
  data: JSON.parse(row.data) as Job['data'],
});

const isOpen = sql<boolean>`state in ('queued', 'running')`;
const isQueued = sql<boolean>`state = 'queued'`;
const isRunning = sql<boolean>`state = 'running'`;

const noSubject: JobSubject = { imageId: null, machineId: null, transferId: null, layerId: null };

/** By noun: finds the rows whose status needs a job but that have no open job. */
const abandonedSql = {
  transfers: `select id from transfer where status = 'building' and deleted_at is null
    and not ${openJob('job.transfer_id = transfer.id')}`,
  images: `select id from image where status in ('pending', 'building') and deleted_at is null
    and not ${openJob('job.image_id = image.id')}`,
  machines: `select id from machine
    where (status not in ('off', 'ready') or capturing_image_id is not null)
    and not ${openJob('job.machine_id = machine.id')}`,
} as const;

export class SqlJobReader extends Queries implements JobReader {
  /**
   * The states are part of the text, because the indexes on open jobs name them: a plan that is
   * made for any values could not use those indexes.
   */
  protected openJobs() {
    return this.within(this.db.selectFrom('job')).where(isOpen);
  }

  async get(id: JobId): Promise<Job> {
    const row = await this.within(this.db.selectFrom('job'))
      .where('id', '=', id)
      .selectAll()
      .executeTakeFirst();
    if (!row) throw new AppError('internal', 'A job is missing.', { detail: `job ${id}` });
    return toJob(row);
  }

  async open(limit: number): Promise<Job[]> {
    const rows = await this.openJobs().selectAll().orderBy('id').limit(limit).execute();
    return rows.map(toJob);
  }

  running(): Promise<RunningJob[]> {
    return this.within(this.db.selectFrom('job'))
      .where(isRunning)
      .select(['id', 'kind', 'organisationId', 'leaseUntil', 'cancelRequestedAt'])
      .orderBy('id')
      .execute();
  }

  async due(room: Partial<Record<JobKind, number>>, waitMostMs: number): Promise<ClaimableJob[]> {
    const kinds = jobKindNames.flatMap((kind) => {
      const slots = room[kind] ?? 0;
      return slots > 0 ? [{ kind, slots }] : [];
    });
    if (kinds.length === 0) return [];
    const now = this.now();
    const jobs = dueJobs(kinds, { now, lateFrom: now + waitMostMs }, () =>
      this.within(this.db.selectFrom('job')).where(isQueued),
    );
    return (await jobs.execute(this.db)).rows;
  }

  async openOfKind<Kind extends JobKind>(kind: Kind): Promise<Job<Kind>[]> {
    const rows = await this.openJobs().where('kind', '=', kind).selectAll().execute();
    return rows.map(toJob) as Job<Kind>[];
  }

  async nextDue(): Promise<number | undefined> {
    const row = await this.openJobs()
      .where('state', '=', 'queued')
      .select((e) => e.fn.min('notBefore').as('at'))
      .executeTakeFirst();
    return row?.at ?? undefined;
  }

  async ofImages(ids: readonly ImageId[]): Promise<Job[]> {
    const jobs = this.openJobs().where('imageId', 'in', this.among(ids));
    return (await jobs.selectAll().execute()).map(toJob);
  }

  async ofMachines(ids: readonly MachineId[]): Promise<Job[]> {
    const jobs = this.openJobs().where('machineId', 'in', this.among(ids));
    return (await jobs.selectAll().execute()).map(toJob);
  }

  async leaseOwner(name: string): Promise<string | undefined> {
    const row = await this.db
      .selectFrom('lease')
      .where('name', '=', name)
      .where('until', '>', this.now())
      .select('owner')
      .executeTakeFirst();
    return row?.owner;
  }

  async begun(): Promise<Begun[]> {
    const jobs = this.openJobs().select('job.id');
    return this.db.selectFrom('begun').where('jobId', 'in', jobs).selectAll().execute();
  }

  async begunBy(jobId: JobId): Promise<Map<string, string>> {
    const rows = await this.db.selectFrom('begun').where('jobId', '=', jobId).selectAll().execute();
    return new Map(rows.map(({ name, id }) => [name, id]));
  }

  async abandoned(): Promise<Abandoned> {
    const { transfers, images, machines } = abandonedSql;
    return {
      transfers: await this.#ids(transfers),
      images: await this.#ids(images),
      machines: await this.#ids(machines),
    };
  }

  async #ids<Id>(query: string): Promise<Id[]> {
    const { rows } = await sql<{ id: Id }>`${sql.raw(query)}`.execute(this.db);
    return rows.map(({ id }) => id);
  }
}

export class SqlJobWriter extends SqlJobReader implements JobWriter {
  async enqueue(jobs: readonly NewJob[]): Promise<void> {
    for (const job of jobs) this.assertOwn(job);
    const at = this.now();
    const nothing = { reservedBytes: 0, memoryMb: 0, cpus: 0 };
    const rows = jobs.map(({ data, origin, ...job }) => ({
      ...nothing,
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
      cancelRequestedAt: null,
      reason: null,
      data: JSON.stringify({ ...data, ...(origin && { origin }) }),
      createdAt: at,
      updatedAt: at,
    }));
    await this.insertAll('job', rows);
  }

  async claim(ids: readonly JobId[], owner: string, leaseMs: number): Promise<Job[]> {
    const free = this.within(this.db.selectFrom('job'))
      .where('id', 'in', this.among(ids))
      .where((e) =>
        e.or([
          e('state', '=', 'queued'),
          e.and([e('state', '=', 'running'), e('leaseUntil', '<=', this.now())]),
        ]),
      )
      .select('id');
    const rows = await this.db
      .updateTable('job')
      .set((e) => ({
        state: 'running',
        leaseOwner: owner,
        leaseUntil: this.now() + leaseMs,
        attempts: e('attempts', '+', 1),
        updatedAt: this.now(),
      }))
      .where('id', 'in', this.unlocked(free))
      .returningAll()
      .execute();
    return rows.map(toJob).sort((one, other) => one.id - other.id);
  }

  async fencedUpdate(job: Job, { data, ...change }: JobChange): Promise<void> {
    const result = await this.within(this.db.updateTable('job'))
      .set({ ...change, ...(data && { data: JSON.stringify(data) }), updatedAt: this.now() })
      .where('id', '=', job.id)
      .where('state', '=', 'running')
      .where('leaseOwner', '=', job.leaseOwner)
      .where('attempts', '=', job.attempts)
      .executeTakeFirst();
    if (result.numUpdatedRows !== 1n) throw new LeaseLost(`job ${job.id} is not ours any more`);
  }

  async cancelOfImage(imageId: ImageId): Promise<Job | undefined> {
    const row = await this.openJobs().where('imageId', '=', imageId).selectAll().executeTakeFirst();
    if (!row) return undefined;
    if (row.state !== 'queued')
      throw new AppError('image_building', `Image ${imageId} is building and cannot be deleted.`);
    await this.within(this.db.updateTable('job'))
      .set({ state: 'cancelled', updatedAt: this.now() })
      .where('id', '=', row.id)
      .execute();
    return toJob(row);
  }

  async requestCancel(id: JobId): Promise<void> {
    await this.within(this.db.updateTable('job'))
      .set((e) => ({
        cancelRequestedAt: e.fn.coalesce('cancelRequestedAt', e.val(this.now())),
        notBefore: this.now(),
        updatedAt: this.now(),
      }))
      .where('id', '=', id)
      .where(isOpen)
      .execute();
  }

  async begin<Id extends string>(
    { id: jobId }: Pick<Job, 'id'>,
    name: string,
    id: Id,
  ): Promise<Id> {
    await this.db
      .insertInto('begun')
      .values({ jobId, name, id })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const row = await this.db
      .selectFrom('begun')
      .where('jobId', '=', jobId)
      .where('name', '=', name)
      .select('id')
      .executeTakeFirstOrThrow();
    return row.id as Id;
  }

  async takeLease(name: string, owner: string, leaseMs: number): Promise<boolean> {
    const row = { owner, until: this.now() + leaseMs };
    const isFree = sql<boolean>`(lease.owner = ${owner} or lease.until <= ${this.now()})`;
    const taken = await this.db
      .insertInto('lease')
      .values({ name, ...row })
      .onConflict((conflict) => conflict.column('name').doUpdateSet(row).where(isFree))
      .executeTakeFirst();
    return taken.numInsertedOrUpdatedRows === 1n;
  }

  async endLeases(): Promise<void> {
    await this.within(this.db.updateTable('job'))
      .set({ leaseUntil: 0 })
      .where('state', '=', 'running')
      .execute();
    await this.db.deleteFrom('lease').execute();
  }

  async prune(before: number): Promise<void> {
    await this.within(this.db.deleteFrom('job'))
      .where('state', 'not in', openJobStates)
      .where('updatedAt', '<', before)
      .execute();
  }
}
