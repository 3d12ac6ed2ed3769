// Runs one claimed job: renews its lease while it runs, and ends it, queues it again or fails it.
//
// Each write is a fenced update. When the lease has passed to another owner, the write throws
// LeaseLost and this owner stops without a trace, because the next owner does the rest.

import { AppError, reasonOf } from '../domain/error.ts';
import type { EventFacts } from '../domain/event.ts';
import type { Job } from '../domain/job.ts';
import { LeaseLost } from '../store/port/job.ts';
import type { Writer } from '../store/port/unit-of-work.ts';
import { retryDelayMs } from './claim.ts';
import type { Dependencies, Meter } from './context.ts';
import { type JobContext, type JobDefinition, NotYet } from './job.ts';
import { Progress, subjectsOf } from './job-events.ts';

/** A lease is renewed so many times before it would end. */
const renewals = 3;

interface ExecuteOptions extends Dependencies {
  meter: Meter;
  /** Aborts when the server stops. The job then goes back to the queue. */
  stop: AbortSignal;
}

/** Resolves when the attempt is over, however it ended; never rejects. */
export async function execute(
  definition: JobDefinition,
  job: Job,
  options: ExecuteOptions,
): Promise<void> {
  const { store, clock, log } = options;
  const { leaseMs } = options.settings;
  const lost = new AbortController();
  const signal = AbortSignal.any([options.stop, lost.signal]);
  const attempt = new Attempt(definition, contextOf(job, signal, options), options);
  const renewal = setInterval(() => {
    store
      .write('system', (work) => work.jobs.fencedUpdate(job, { leaseUntil: clock.now() + leaseMs }))
      .catch((error) => error instanceof LeaseLost && lost.abort(error));
  }, leaseMs / renewals);
  try {
    await attempt.run();
  } catch (error) {
    // The store or the engine failed twice. The lease runs out, and the job is claimed again.
    if (!(error instanceof LeaseLost))
      log.error({ ...attempt.fields, err: error }, 'job could not be settled');
  } finally {
    clearInterval(renewal);
  }
}

function contextOf(job: Job, signal: AbortSignal, options: Dependencies): JobContext {
  const { store, clock } = options;
  const progress = new Progress(job, clock.monotonic);
  const write = <Result>(change: (work: Writer) => Promise<Result>) =>
    store.write('system', async (work) => {
      await work.jobs.fencedUpdate(job, {});
      return change(work);
    });
  return {
    ...options,
    job,
    signal,
    call: { signal, token: { jobId: job.id, attempt: job.attempts } },
    write,
    phase(phase, done) {
      const facts = progress.begins(phase, done);
      return store.write('system', async (work) => {
        await work.jobs.fencedUpdate(job, { phase, progress: done });
        if (facts) await work.events.add('progress', subjectsOf(job), facts);
      });
    },
    begin: (name, id) => write((work) => work.jobs.begin(job, name, id)),
    begun: () => store.read('system', (work) => work.jobs.begunBy(job.id)),
    async remember(data) {
      Object.assign(job.data, data);
      await store.write('system', (work) => work.jobs.fencedUpdate(job, { data: job.data }));
    },
  };
}

class Attempt {
  readonly fields: object;
  readonly #definition: JobDefinition;
  readonly #context: JobContext;
  readonly #options: ExecuteOptions;
  readonly #begunAt = performance.now();

  constructor(definition: JobDefinition, context: JobContext, options: ExecuteOptions) {
    this.#definition = definition;
    this.#context = context;
    this.#options = options;
    const { id, kind, imageId, machineId } = context.job;
    this.fields = { job: id, kind, image: imageId, machine: machineId };
  }

  async run(): Promise<void> {
    const { job, write } = this.#context;
    try {
      const commit = await this.#definition.run(this.#context);
      await write(async (work) => {
        await commit(work);
        await work.jobs.fencedUpdate(job, { state: 'done', phase: 'done', progress: 1 });
        await work.events.add('changed', subjectsOf(job));
      });
    } catch (error) {
      return this.#settle(error);
    }
    this.#ended('done');
    this.#options.log.info(this.fields, 'job done');
  }

  async #settle(error: unknown): Promise<void> {
    if (error instanceof LeaseLost) return;
    if (this.#options.stop.aborted) return this.#requeue(null, 0);
    if (error instanceof NotYet) return this.#requeue(error.message, error.afterMs);
    // Failures are counted, not claims: an attempt that waits for another job, or that a restart
    // of the server cuts short, uses up none.
    const failures = this.#context.job.failures + 1;
    const mayPass = error instanceof AppError && error.retry === 'later';
    if (mayPass && failures < this.#definition.attemptsMax) return this.#retry(error, failures);
    return this.#fail(error, failures);
  }

  async #retry(error: AppError, failures: number): Promise<void> {
    const reason = reasonOf(error);
    this.#ended('retried');
    this.#options.log.info(
      { ...this.fields, reason, detail: error.detail, failures },
      'job will be tried again',
    );
    await this.#requeue(reason, retryDelayMs(failures), failures, { waitsBecause: reason });
  }

  async #fail(error: unknown, failures: number): Promise<void> {
    const { job, store, clock, settings, write } = this.#context;
    const reason = reasonOf(error);
    this.#logFailure(error, reason);
    // The lease is checked and renewed first, because a late owner must not undo the work of the
    // next owner at the engine. Throws LeaseLost.
    await store.write('system', (work) =>
      work.jobs.fencedUpdate(job, {
        phase: 'undoing',
        leaseUntil: clock.now() + settings.leaseMs,
      }),
    );
    try {
      await this.#definition.undo?.(this.#context);
    } catch (undoError) {
      // The job stays open, so that a later attempt can finish the undo.
      this.#options.log.error(
        { ...this.fields, err: undoError },
        'job could not be undone; it will be tried again',
      );
      return this.#requeue(reason, retryDelayMs(failures), failures);
    }
    await write(async (work) => {
      await this.#definition.abandon(work, job, reason);
      await work.jobs.fencedUpdate(job, { state: 'failed', phase: 'failed', reason });
      await work.events.add('changed', subjectsOf(job));
    });
  }

  /** An AppError is known and is shown to the caller. Anything else is a defect: log its stack. */
  #logFailure(error: unknown, reason: string): void {
    const { log } = this.#options;
    const isKnown = error instanceof AppError;
    this.#ended(isKnown ? 'failed' : 'unforeseen');
    if (isKnown) log.info({ ...this.fields, reason, detail: error.detail }, 'job failed');
    else log.error({ ...this.fields, err: error }, 'job failed for an unforeseen reason');
  }

  #requeue(
    reason: string | null,
    afterMs: number,
    failures = this.#context.job.failures,
    facts: EventFacts | null = null,
  ): Promise<void> {
    const { job, store, clock } = this.#context;
    return store.write('system', async (work) => {
      await work.jobs.fencedUpdate(job, {
        state: 'queued',
        leaseOwner: null,
        leaseUntil: null,
        reason,
        failures,
        notBefore: clock.now() + afterMs,
      });
      if (facts) await work.events.add('progress', subjectsOf(job), facts);
    });
  }

  #ended(outcome: Parameters<Meter['attempted']>[1]): void {
    const { kind } = this.#context.job;
    this.#options.meter.attempted(kind, outcome, performance.now() - this.#begunAt);
  }
}
