// The loop wakes on a nudge and on a timer, claims the jobs that are due, and starts each of them.
// It also runs each task when its period has passed.
//
// Nothing here depends on how the last process ended. A job whose owner died is claimed when its
// lease is over, and runs from its beginning. A nudge carries no facts: it only makes the loop read
// the store sooner.

import { randomBytes } from 'node:crypto';
import type { Job } from '../domain/job.ts';
import { logWith } from '../lib/log.ts';
import { Nudge } from '../lib/nudge.ts';
import type { Tracer } from '../lib/trace.ts';
import { Turns } from '../lib/turns.ts';
import { within } from '../lib/within.ts';
import type { ClaimableJob } from '../store/port/job.ts';
import { blockedKinds, ClaimTurns, planClaims, retryMostMs, roomOf } from './claim.ts';
import type { Dependencies, Meter } from './context.ts';
import { execute } from './execute.ts';
import { definitionOf } from './jobs.ts';
import { RemovalGuard } from './removal-guard.ts';
import type { Task } from './task.ts';
import { type TaskName, taskNames, tasks } from './tasks.ts';
import { watchEngine } from './watch-engine.ts';

/** The most jobs that are claimed in one transaction. */
const claimedMax = 100;
/** Events that are written within so long wake the tasks once. */
const eventsMs = 200;
/** So often a pass looks for more jobs, while it finds some. */
const roundsMax = 10;
/** A server that stops waits so long for the store to end the leases of its tasks. */
const releaseMs = 2000;

const leaseOf = (name: TaskName) => `task ${name}`;

interface ReconcilerOptions extends Dependencies {
  meter: Meter;
  tracer: Tracer;
  /** How often to look at the store without a nudge. */
  passMs?: number;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  /** Names this server in leases. */
  readonly #owner = randomBytes(8).toString('hex');
  readonly #running = new Map<Job['id'], { ended: Promise<void>; cancel: AbortController }>();
  readonly #tasks = new Map<TaskName, Promise<void>>();
  /** The tasks whose leases this server may have. */
  readonly #leased = new Set<TaskName>();
  readonly #claimTurns = new ClaimTurns();
  readonly #workTurns = new Turns();
  readonly #guard: RemovalGuard;
  readonly #stop = new AbortController();
  readonly #nudge = new Nudge();
  /** Of each task that was asked for by events. */
  readonly #nudges = new Map<TaskName, Nudge>();
  #eventTimer: NodeJS.Timeout | undefined;
  #ignoreEvents = () => {};
  #loop: Promise<void> | null = null;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    const { clock, settings, log } = options;
    this.#guard = new RemovalGuard({ clock, lookAgainMs: settings.lookAgainMs, log });
  }

  start(): void {
    if (this.#loop !== null) return;
    this.#loop = this.#run();
    this.#ignoreEvents = this.#options.store.onEvents(() => {
      this.#eventTimer ??= setTimeout(() => this.#eventsCame(), eventsMs);
    });
  }

  nudge(): void {
    this.#nudge.nudge();
  }

  #eventsCame(): void {
    this.#eventTimer = undefined;
    for (const name of taskNames.filter((one) => 'wakesOnEvents' in tasks[one])) {
      this.#nudgeOf(name).nudge();
      if (!this.#tasks.has(name)) this.#begin(name);
    }
  }

  #nudgeOf(name: TaskName): Nudge {
    const known = this.#nudges.get(name) ?? new Nudge(this.#options.clock);
    this.#nudges.set(name, known);
    return known;
  }

  /**
   * Stops claiming, interrupts the running jobs and tasks, and resolves when none runs. The next
   * server claims the interrupted jobs.
   */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the server stops'));
    this.#ignoreEvents();
    clearTimeout(this.#eventTimer);
    for (const nudge of [this.#nudge, ...this.#nudges.values()]) nudge.nudge();
    await this.#loop;
    await this.#ended();
    await Promise.allSettled(this.#tasks.values());
    await this.#releaseTasks();
  }

  /** Lets the next server run the tasks at once. Without a store their leases end by themselves. */
  async #releaseTasks(): Promise<void> {
    if (this.#leased.size === 0) return;
    const released = this.#options.store.write('system', async (work) => {
      for (const name of this.#leased) await work.jobs.takeLease(leaseOf(name), this.#owner, 0);
    });
    await within(releaseMs, released);
    this.#leased.clear();
  }

  async #ended(): Promise<void> {
    await Promise.allSettled([...this.#running.values()].map(({ ended }) => ended));
  }

  async #run(): Promise<void> {
    const { passMs = 1000, log } = this.#options;
    const dueAt = new Map<TaskName, number>();
    while (!this.#stop.signal.aborted) {
      this.#nudge.take();
      try {
        await this.pass();
        this.#startTasks(dueAt);
      } catch (error) {
        log.error({ err: error }, 'a pass of the reconciler failed; the next one follows');
      }
      await this.#nudge.sleep(passMs);
    }
  }

  /** Starts the tasks that are due. They run beside the passes, which must not wait for them. */
  #startTasks(dueAt: Map<TaskName, number>): void {
    const { clock } = this.#options;
    for (const name of taskNames) {
      // A run that takes longer than the period reports its failure once.
      if (this.#tasks.has(name)) continue;
      const { everyMs } = tasks[name];
      const waitMs = (dueAt.get(name) ?? 0) - clock.now();
      // A longer wait than the period means that the clock went back: treat the task as due.
      if (waitMs > 0 && waitMs <= everyMs) continue;
      dueAt.set(name, clock.now() + everyMs);
      this.#begin(name);
    }
  }

  /** Runs a task, and once more when it is nudged after it has looked for the last time. */
  #begin(name: TaskName): void {
    const { log } = this.#options;
    this.task(name)
      .then(() => {
        const isAsked = this.#nudges.get(name)?.isSet === true;
        if (isAsked && !this.#stop.signal.aborted && !this.#tasks.has(name)) this.#begin(name);
      })
      .catch((error) => {
        if (!this.#stop.signal.aborted)
          log.error({ err: error, task: name }, 'a task failed; its next run follows');
      });
  }

  /** Claims the jobs that are due and starts them. Resolves before they are done. */
  async pass(): Promise<void> {
    // An organisation with few jobs leaves a part of its share, which the next round gives away.
    for (let rounds = 0; rounds < roundsMax; rounds++) if ((await this.#claimRound()) === 0) break;
    this.#options.meter.passed();
  }

  /** Interrupts the jobs that are cancelled. Resolves to the number of jobs that were claimed. */
  async #claimRound(): Promise<number> {
    const { store, clock, settings } = this.#options;
    const queue = await store.read('system', async (work) => {
      const blocked = blockedKinds(await work.host.frozen()).map((kind) => [kind, 0]);
      const limits = { ...settings.limits, ...Object.fromEntries(blocked) };
      const [running, now] = [await work.jobs.running(), clock.now()];
      const due = await work.jobs.due(roomOf({ running, now, limits }), retryMostMs);
      return { running, due, now, limits, isShared: await work.organisations.areSeveral() };
    });
    for (const { id, cancelRequestedAt } of queue.running)
      if (cancelRequestedAt !== null)
        this.#running.get(id)?.cancel.abort(new Error('it was cancelled'));
    const planned = planClaims(queue, this.#claimTurns).filter(({ id }) => !this.#running.has(id));
    let claimed = 0;
    // A quarter of the rest in each transaction lets servers that were woken together share them.
    for (let from = 0, share = 0; from < planned.length; from += share) {
      share = Math.min(Math.ceil((planned.length - from) / 4), claimedMax);
      const portion = planned.slice(from, from + share);
      const jobs = await this.#claim(portion);
      this.#claimTurns.take(portion);
      for (const job of jobs) this.#start(job);
      claimed += jobs.length;
    }
    return claimed;
  }

  /** Leaves out jobs for which another server was faster, or which a backup blocks by now. */
  async #claim(planned: readonly ClaimableJob[]): Promise<Job[]> {
    const { store, settings } = this.#options;
    return store.write('system', async (work) => {
      const blocked = blockedKinds(await work.host.frozen());
      const ids = planned.filter(({ kind }) => !blocked.includes(kind)).map(({ id }) => id);
      return work.jobs.claim(ids, this.#owner, settings.leaseMs);
    });
  }

  #start(job: Job): void {
    const cancel = new AbortController();
    const stop = this.#stop.signal;
    const options = { ...this.#options, turns: this.#workTurns, stop, cancel: cancel.signal };
    const ended = execute(definitionOf(job.kind), job, options).finally(() => {
      this.#running.delete(job.id);
      this.nudge();
    });
    this.#running.set(job.id, { ended, cancel });
  }

  /** Makes passes until no job is open; waits for the jobs that are to be tried again. */
  async settle(): Promise<void> {
    const { store, clock } = this.#options;
    while (true) {
      await this.pass();
      await this.#ended();
      const due = await store.read('system', (work) => work.jobs.nextDue());
      if (due === undefined) return;
      await clock.sleep(Math.max(0, due - clock.now()));
    }
  }

  /** Runs a task now. A call while the task runs waits for that run. */
  task(name: TaskName): Promise<void> {
    const running = this.#tasks.get(name);
    if (running) return running;
    const run = this.#runTask(name, tasks[name]).finally(() => this.#tasks.delete(name));
    this.#tasks.set(name, run);
    return run;
  }

  async #runTask(name: TaskName, task: Task): Promise<void> {
    const { store, engine, settings, meter, log } = this.#options;
    const nudge = this.#nudgeOf(name);
    nudge.take();
    if (await task.isIdle?.(store)) return meter.taskDone(name);
    // An engine that is not bound to a host is the same for all servers, so one of them looks at
    // it.
    const isShared = task.scope === 'cluster' || engine.hostBound === undefined;
    const keepLease = async () => {
      if (!isShared) return true;
      this.#leased.add(name);
      return store.write('system', (work) =>
        work.jobs.takeLease(leaseOf(name), this.#owner, task.everyMs + settings.leaseMs),
      );
    };
    if (!(await keepLease())) return;
    const context = {
      ...this.#options,
      engine: watchEngine(engine, { meter }),
      log: logWith(log, { task: name }),
      ...{ nudge, guard: this.#guard, signal: this.#stop.signal },
      async keepLease() {
        meter.taskDone(name);
        return keepLease();
      },
    };
    await task.run(context);
    meter.taskDone(name);
  }
}
