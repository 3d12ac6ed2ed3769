// The loop: wakes on a nudge and on a timer, claims what is due, runs each job under a lease that
// it renews, and ends it.
//
// Nothing here depends on how the last process ended. A job whose owner died is claimed when its
// lease is over and runs from its beginning; the fence (owner and attempt) refuses what a late
// owner still wants to write. A nudge carries no facts: it only makes the next look at the store
// come sooner.

import { randomBytes } from 'node:crypto';
import { AppError, reasonOf } from '../domain/error.ts';
import { frozenKinds } from '../domain/host.ts';
import type { Job } from '../domain/job.ts';
import { LeaseLost } from '../store/port/job.ts';
import { planClaims, retryDelayMs, retryMostMs } from './claim.ts';
import { imageCapture } from './jobs/image-capture.ts';
import { imageExport } from './jobs/image-export.ts';
import { imageImport } from './jobs/image-import.ts';
import { imageInstall } from './jobs/image-install.ts';
import { compact, layerCompact } from './jobs/layer-compact.ts';
import { machineStart } from './jobs/machine-start.ts';
import { machineStop } from './jobs/machine-stop.ts';
import { RemovalGuard } from './removal-guard.ts';
import type { Dependencies, Meter, Task } from './task.ts';
import { collect } from './tasks/collect.ts';
import { measure } from './tasks/measure.ts';
import { observe } from './tasks/observe.ts';
import { sweep } from './tasks/sweep.ts';
import { verify } from './tasks/verify.ts';
import { type Context, NotYet, type Workflow } from './workflow.ts';

const workflows: Record<Job['kind'], Workflow> = {
  imageCapture,
  imageExport,
  imageImport,
  imageInstall,
  layerCompact,
  machineStart,
  machineStop,
};

const tasks = { observe, measure, collect, compact, sweep, verify } satisfies Record<string, Task>;
export type TaskName = keyof typeof tasks;
const taskNames = Object.keys(tasks) as TaskName[];

const leaseMs = 30_000;
const renewMs = 10_000;
const openMax = 1000;

export interface ReconcilerOptions extends Dependencies {
  meter: Meter;
  /** How often to look without a nudge. */
  passMs?: number;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #owner = randomBytes(8).toString('hex');
  readonly #running = new Map<Job['id'], Promise<void>>();
  readonly #tasks = new Map<TaskName, Promise<void>>();
  readonly #guard: RemovalGuard;
  readonly #stop = new AbortController();
  #wake: (() => void) | null = null;
  #nudged = false;
  #loop: Promise<void> | null = null;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    const { clock, settings, log } = options;
    this.#guard = new RemovalGuard({ clock, lookAgainMs: settings.lookAgainMs, log });
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  nudge(): void {
    this.#nudged = true;
    this.#wake?.();
  }

  /**
   * Stops claiming, interrupts what runs, and resolves when nothing does. What was interrupted is
   * claimed again by the next server.
   */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the server stops'));
    this.nudge();
    await this.#loop;
    await Promise.allSettled([...this.#running.values(), ...this.#tasks.values()]);
  }

  async #run(): Promise<void> {
    const { passMs = 1000, log, clock } = this.#options;
    const dueAt = new Map<TaskName, number>();
    while (!this.#stop.signal.aborted) {
      this.#nudged = false;
      try {
        await this.pass();
        for (const name of taskNames) {
          const waitMs = (dueAt.get(name) ?? 0) - clock.now();
          // A clock that went back makes nobody wait longer than usual.
          if (waitMs > 0 && waitMs <= tasks[name].everyMs) continue;
          dueAt.set(name, clock.now() + tasks[name].everyMs);
          // Beside the passes, which must not wait for a slow one.
          this.task(name).catch((error) => {
            if (!this.#stop.signal.aborted)
              log.error({ err: error, task: name }, 'a task failed; its next run follows');
          });
        }
      } catch (error) {
        log.error({ err: error }, 'a pass of the reconciler failed; the next one follows');
      }
      if (this.#nudged) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, passMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
  }

  /** Claims what is due and starts it. Resolves when it is started, not when it is done. */
  async pass(): Promise<void> {
    const { store, clock, settings } = this.#options;
    const { open, frozen } = await store.read('system', async (work) => ({
      open: await work.jobs.due(openMax, retryMostMs),
      frozen: await work.host.frozen(),
    }));
    const none = Object.fromEntries(
      frozen.flatMap((what) => frozenKinds[what].map((kind) => [kind, 0])),
    );
    for (const { id } of planClaims(open, clock.now(), { ...settings.limits, ...none })) {
      if (this.#running.has(id)) continue;
      const job = await store.write('system', async (work) => {
        // A backup may have begun since the look above.
        const { kind } = await work.jobs.get(id);
        if ((await work.host.frozen()).some((what) => frozenKinds[what].includes(kind)))
          return undefined;
        return work.jobs.claim(id, this.#owner, leaseMs);
      });
      if (!job) continue;
      const task = this.#execute(job).finally(() => {
        this.#running.delete(id);
        this.nudge();
      });
      this.#running.set(id, task);
    }
    this.#options.meter.passed();
  }

  /** Passes until no job is open, waiting for those that are to be tried again. */
  async settle(): Promise<void> {
    const { store, clock } = this.#options;
    while (true) {
      await this.pass();
      await Promise.all(this.#running.values());
      const due = await store.read('system', (work) => work.jobs.nextDue());
      if (due === undefined) return;
      await clock.sleep(Math.max(0, due - clock.now()));
    }
  }

  /** Runs a task now; one that is running is waited for instead of started again. */
  task(name: TaskName): Promise<void> {
    const running = this.#tasks.get(name);
    if (running) return running;
    const run = tasks[name]
      .run({ ...this.#options, guard: this.#guard }, this.#stop.signal)
      .then(() => this.#options.meter.taskDone(name))
      .finally(() => this.#tasks.delete(name));
    this.#tasks.set(name, run);
    return run;
  }

  async #execute(job: Job): Promise<void> {
    const { store, clock, log, meter } = this.#options;
    const begunAt = performance.now();
    const ended = (outcome: Parameters<Meter['attempted']>[1]) =>
      meter.attempted(job.kind, outcome, performance.now() - begunAt);
    const lost = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, lost.signal]);
    const fenced = (change: Parameters<Context['write']>[0]) =>
      store.write('system', async (work) => {
        await work.jobs.fencedUpdate(job, {});
        return change(work);
      });
    const context: Context = {
      ...this.#options,
      job,
      signal,
      phase: (phase, progress) =>
        store.write('system', (work) => work.jobs.fencedUpdate(job, { phase, progress })),
      write: fenced as Context['write'],
      remember: async (data) => {
        Object.assign(job.data, data);
        await store.write('system', (work) => work.jobs.fencedUpdate(job, { data: job.data }));
      },
    };
    const renewal = setInterval(() => {
      store
        .write('system', (work) =>
          work.jobs.fencedUpdate(job, { leaseUntil: clock.now() + leaseMs }),
        )
        .catch((error) => error instanceof LeaseLost && lost.abort(error));
    }, renewMs);
    const fields = {
      job: job.id,
      kind: job.kind,
      image: job.imageId,
      machine: job.machineId,
    };
    const workflow = workflows[job.kind];
    try {
      const commit = await workflow.run(context);
      await context.write(async (work) => {
        await commit(work);
        await work.jobs.fencedUpdate(job, { state: 'done', phase: 'done', progress: 1 });
      });
      ended('done');
      log.info(fields, 'job done');
    } catch (error) {
      await this.#settle(context, workflow, error, { fields, ended }).catch((second) => {
        // The store or the engine failed twice; the lease runs out and the job is claimed again.
        if (!(second instanceof LeaseLost))
          log.error({ ...fields, err: second }, 'job could not be settled');
      });
    } finally {
      clearInterval(renewal);
    }
  }

  async #settle(
    context: Context,
    workflow: Workflow,
    error: unknown,
    {
      fields,
      ended,
    }: { fields: object; ended(outcome: 'failed' | 'retried' | 'unforeseen'): void },
  ): Promise<void> {
    const { job, store, clock } = context;
    const { log } = this.#options;
    if (error instanceof LeaseLost) return;
    const requeue = (reason: string | null, afterMs: number) =>
      store.write('system', (work) =>
        work.jobs.fencedUpdate(job, {
          state: 'queued',
          leaseOwner: null,
          leaseUntil: null,
          reason,
          notBefore: clock.now() + afterMs,
        }),
      );
    if (this.#stop.signal.aborted) return requeue(null, 0);
    if (error instanceof NotYet) return requeue(error.message, error.afterMs);
    const reason = reasonOf(error);
    const detail = error instanceof AppError ? error.detail : undefined;
    // Claims are not counted, failures are: waiting for another build, or a restart of the server,
    // uses up no attempt.
    const failures = Number(job.data.failures ?? 0) + 1;
    if (error instanceof AppError && error.retry === 'later' && failures < workflow.attemptsMax) {
      ended('retried');
      log.info({ ...fields, reason, detail, failures }, 'job will be tried again');
      await context.remember({ failures });
      return requeue(reason, retryDelayMs(failures));
    }
    ended(error instanceof AppError ? 'failed' : 'unforeseen');
    // What an AppError says is known and shown to the caller; anything else is a defect, and its
    // stack is wanted.
    if (error instanceof AppError) log.info({ ...fields, reason, detail }, 'job failed');
    else log.error({ ...fields, err: error }, 'job failed for an unforeseen reason');
    // A late owner must not undo at the engine what the one after it has made. Throws LeaseLost.
    await store.write('system', (work) =>
      work.jobs.fencedUpdate(job, { phase: 'undoing', leaseUntil: clock.now() + leaseMs }),
    );
    try {
      await workflow.undo?.(context);
    } catch (undoError) {
      // What could not be undone must not be forgotten: the job is run, and undone, again.
      log.error({ ...fields, err: undoError }, 'job could not be undone; it will be tried again');
      await context.remember({ failures });
      return requeue(reason, retryDelayMs(failures));
    }
    await context.write(async (work) => {
      await workflow.abandon(work, job, reason);
      await work.jobs.fencedUpdate(job, { state: 'failed', phase: 'failed', reason });
    });
  }
}
