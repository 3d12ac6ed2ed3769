// Runs one claimed job: renews its lease while it runs, and ends it, queues it again or fails it.
//
// Each write is a fenced update. When the lease has passed to another owner, the write throws
// LeaseLost and this owner stops without a trace, because the next owner does the rest.

import { AppError, reasonOf } from '../domain/error.ts';
import type { EventFacts } from '../domain/event.ts';
import { cancelledReason } from '../domain/image.ts';
import type { Job, JobKind } from '../domain/job.ts';
import { logWith } from '../lib/log.ts';
import type { Span, Tracer } from '../lib/trace.ts';
import type { Turns } from '../lib/turns.ts';
import { LeaseLost } from '../store/port/job.ts';
import type { Writer } from '../store/port/unit-of-work.ts';
import { retryDelayMs } from './claim.ts';
import type { Dependencies, Meter, Outcome } from './context.ts';
import { type JobContext, type JobDefinition, NotYet } from './job.ts';
import { Progress, subjectsOf } from './job-events.ts';
import { watchEngine } from './watch-engine.ts';

/** A lease is renewed so many times before it would end. */
const renewals = 3;

interface ExecuteOptions extends Dependencies {
  meter: Meter;
  tracer: Tracer;
  /** Work that jobs of this server do one after the other. */
  turns: Turns;
  /** Aborts when the server stops. The job then goes back to the queue. */
  stop: AbortSignal;
  /** Aborts when the job is to end without a result. */
  cancel: AbortSignal;
}

/** Ends an attempt at a job that is to end without a result. */
class Cancelled extends Error {}

/** Resolves when the attempt is over, however it ended; never rejects. */
export async function execute(
  definition: JobDefinition,
  job: Job,
  options: ExecuteOptions,
): Promise<void> {
  const { store, clock } = options;
  const { leaseMs } = options.settings;
  const lost = new AbortController();
  const signal = AbortSignal.any([options.stop, lost.signal]);
  const span = beginSpan(job, options.tracer);
  const context = contextOf(job, signal, span, options);
  if (job.attempts === 1) options.meter.waited(job.kind, Math.max(0, clock.now() - job.createdAt));
  const attempt = new Attempt(definition, context, options);
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
      context.log.error({ err: error }, 'job could not be settled');
  } finally {
    clearInterval(renewal);
    const { outcome } = attempt;
    const isWell = outcome === 'done' || outcome === 'put back';
    span?.end({ 'silversmith.outcome': outcome }, isWell ? undefined : outcome);
  }
}

function contextOf(
  job: Job,
  signal: AbortSignal,
  span: Span | null,
  options: ExecuteOptions,
): JobContext {
  const { store, clock } = options;
  const progress = new Progress(job, clock.monotonic);
  const write = <Result>(change: (work: Writer) => Promise<Result>) =>
    store.write('system', async (work) => {
      await work.jobs.fencedUpdate(job, {});
      return change(work);
    });
  return {
    ...options,
    engine: watchEngine(options.engine, { ...options, parent: span?.traceparent }),
    log: logWith(options.log, fieldsOf(job)),
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
    alone: (key, work) => options.turns.take(key, work),
    begun: () => store.read('system', (work) => work.jobs.begunBy(job.id)),
    async remember(data) {
      Object.assign(job.data, data);
      await store.write('system', (work) => work.jobs.fencedUpdate(job, { data: job.data }));
    },
  };
}

/** The fields of each line about a job; docs/guide/operations.md describes them. */
const fieldsOf = ({ id, kind, attempts, imageId, machineId, transferId, layerId, data }: Job) => ({
  job: id,
  kind,
  attempt: attempts,
  ...(imageId !== null && { image: imageId }),
  ...(machineId !== null && { machine: machineId }),
  ...(transferId !== null && { transfer: transferId }),
  ...(layerId !== null && { layer: layerId }),
  ...(data.origin && { request: data.origin.requestId }),
});

const beginSpan = ({ id, kind, attempts, imageId, machineId, data }: Job, tracer: Tracer) =>
  tracer.begin({
    name: kind,
    kind: 'consumer',
    parent: data.origin?.traceparent,
    attributes: {
      'silversmith.job.id': id,
      'silversmith.job.attempt': attempts,
      ...(imageId !== null && { 'silversmith.image.id': imageId }),
      ...(machineId !== null && { 'silversmith.machine.id': machineId }),
      ...(data.origin && { 'silversmith.request.id': data.origin.requestId }),
    },
  });

/** The request to cancel may come until the transaction that ends the job. */
async function assertWanted(work: Writer, { id, imageId, kind }: Job): Promise<void> {
  if (imageId === null && kind !== 'templateMake') return;
  if ((await work.jobs.get(id)).cancelRequestedAt !== null) throw new Cancelled();
}

class Attempt {
  readonly #definition: JobDefinition;
  readonly #context: JobContext;
  readonly #options: ExecuteOptions;
  readonly #begunAt = performance.now();
  /** `put back`: it waits for another job or for a server, or the lease was lost. */
  outcome: Outcome | 'put back' = 'put back';

  constructor(definition: JobDefinition, context: JobContext, options: ExecuteOptions) {
    this.#definition = definition;
    this.#context = context;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { job, write, call } = this.#context;
    try {
      if (job.cancelRequestedAt !== null) throw new Cancelled();
      // What is undone after a cancellation must not be interrupted by it.
      const signal = AbortSignal.any([call.signal, this.#options.cancel]);
      const context = { ...this.#context, signal, call: { ...call, signal } };
      const commit = await this.#definition.run(context);
      await write(async (work) => {
        await assertWanted(work, job);
        await commit(work);
        await work.jobs.fencedUpdate(job, { state: 'done', phase: 'done', progress: 1 });
        await work.events.add('changed', subjectsOf(job));
      });
    } catch (error) {
      return this.#settle(error);
    }
    this.#ended('done');
    this.#context.log.info({}, 'job done');
  }

  async #settle(error: unknown): Promise<void> {
    if (error instanceof LeaseLost) return;
    if (this.#options.stop.aborted) return this.#requeue(null, 0);
    if (error instanceof Cancelled || this.#options.cancel.aborted) return this.#cancel();
    if (error instanceof NotYet) return this.#requeue(error.message, error.afterMs, error);
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
    this.#context.log.info({ reason, detail: error.detail, failures }, 'job will be tried again');
    await this.#requeue(reason, retryDelayMs(failures), {
      failures,
      facts: { waitsBecause: reason },
    });
  }

  async #fail(error: unknown, failures: number): Promise<void> {
    const reason = reasonOf(error);
    this.#logFailure(error, reason);
    await this.#undo(reason, 'failed', failures);
  }

  async #cancel(): Promise<void> {
    this.#ended('cancelled');
    this.#context.log.info({}, 'job cancelled');
    await this.#undo(cancelledReason, 'cancelled', this.#context.job.failures + 1);
  }

  /** Ends the job without a result, when what it made is undone. */
  async #undo(reason: string, state: 'failed' | 'cancelled', failures: number): Promise<void> {
    const { job, store, clock, settings, write } = this.#context;
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
      this.#context.log.error(
        { err: undoError },
        'job could not be undone; it will be tried again',
      );
      return this.#requeue(reason, retryDelayMs(failures), { failures });
    }
    await write(async (work) => {
      await this.#definition.abandon(work, job, reason);
      await work.jobs.fencedUpdate(job, { state, phase: state, reason });
      await work.events.add('changed', subjectsOf(job));
    });
  }

  /** An AppError is known and is shown to the caller. Anything else is a defect: log its stack. */
  #logFailure(error: unknown, reason: string): void {
    const { log } = this.#context;
    const isKnown = error instanceof AppError;
    this.#ended(isKnown ? 'failed' : 'unforeseen');
    if (isKnown) log.info({ reason, detail: error.detail }, 'job failed');
    else log.error({ err: error }, 'job failed for an unforeseen reason');
  }

  #requeue(
    reason: string | null,
    afterMs: number,
    more: { failures?: number; kind?: JobKind | undefined; facts?: EventFacts } = {},
  ): Promise<void> {
    const { job, store, clock } = this.#context;
    const { failures = job.failures, kind = job.kind, facts } = more;
    return store.write('system', async (work) => {
      await work.jobs.fencedUpdate(job, {
        kind,
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

  #ended(outcome: Outcome): void {
    const { kind } = this.#context.job;
    this.#options.meter.attempted(kind, outcome, performance.now() - this.#begunAt);
    this.outcome = outcome;
  }
}
