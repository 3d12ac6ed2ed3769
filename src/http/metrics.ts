// The metrics that Prometheus reads at /metrics: counters of this process since it began, and
// numbers that the store counts at that moment. They hold no name, key or id of a caller.
// docs/guide/alerts.yml says which numbers are bad, and docs/guide/operations.md has the remedies.

import Fastify, { type FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ServiceCounts } from '../app/counts.ts';
import { AppError } from '../domain/error.ts';
import { jobKindNames } from '../domain/job.ts';
import type { ColdReason } from '../domain/template.ts';
import type { Clock } from '../lib/clock.ts';
import { countGauges } from './counted-metrics.ts';
import { type DeliveryOutcome, EventMetrics } from './event-metrics.ts';
import { connectionLimits } from './hygiene.ts';
import { isOwn } from './own.ts';
import { StartMetrics } from './start-metrics.ts';

const requestBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30];
const writeBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const verbBuckets = [0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 1800];
const waitBuckets = [0.1, 1, 5, 30, 120, 600, 3600];
const jobBuckets = [0.1, 0.5, 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600];

const outcomes = ['done', 'cancelled', 'failed', 'retried', 'unforeseen'] as const;

/** The metrics of one server. The parts of the server call its methods to count their work. */
export class Metrics {
  readonly events: EventMetrics;
  readonly #registry = new Registry();
  readonly #clock: Clock;
  readonly #look: () => Promise<void>;
  readonly #requests: Histogram<'operation' | 'code'>;
  readonly #ended: Counter<'kind' | 'outcome'>;
  readonly #duration: Histogram<'kind'>;
  readonly #wait: Histogram<'kind'>;
  readonly #verb: Histogram<'verb'>;
  readonly #verbFailures: Counter<'verb'>;
  readonly #write: Histogram;
  readonly #lastPass: Gauge;
  readonly #lastTask: Gauge<'task'>;
  readonly #journal: Counter;
  readonly #growers: Gauge<'machine'>;
  readonly #starts: StartMetrics;

  constructor({ counts, clock }: { counts: () => Promise<ServiceCounts>; clock: Clock }) {
    this.#clock = clock;
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Histogram({
      name: 'silversmith_http_request_duration_seconds',
      help: 'Answered requests, by operation of the API (or path) and HTTP status.',
      labelNames: ['operation', 'code'],
      buckets: requestBuckets,
      registers,
    });
    this.#ended = new Counter({
      name: 'silversmith_jobs_ended_total',
      help: 'Attempts at jobs, by how they ended: done, cancelled, failed (the caller is told why), retried (tried again later), unforeseen (a defect).',
      labelNames: ['kind', 'outcome'],
      registers,
    });
    // A counter that appears with its first event has no increase that an alert could see.
    for (const kind of jobKindNames)
      for (const outcome of outcomes) this.#ended.inc({ kind, outcome }, 0);
    this.#duration = new Histogram({
      name: 'silversmith_job_duration_seconds',
      help: 'How long an attempt at a job took.',
      labelNames: ['kind'],
      buckets: jobBuckets,
      registers,
    });
    this.#wait = new Histogram({
      name: 'silversmith_job_wait_seconds',
      help: 'How long a job waited for its first attempt.',
      labelNames: ['kind'],
      buckets: waitBuckets,
      registers,
    });
    this.#verb = new Histogram({
      name: 'silversmith_engine_verb_duration_seconds',
      help: 'How long a call of the engine by a job or a task took, by its verb.',
      labelNames: ['verb'],
      buckets: verbBuckets,
      registers,
    });
    this.#verbFailures = new Counter({
      name: 'silversmith_engine_verb_failures_total',
      help: 'Calls of the engine that ended with an error, by verb.',
      labelNames: ['verb'],
      registers,
    });
    this.#write = new Histogram({
      name: 'silversmith_store_write_duration_seconds',
      help: 'How long a transaction of the store took, with its wait for others and its sync.',
      buckets: writeBuckets,
      registers,
    });
    this.#lastPass = new Gauge({
      name: 'silversmith_reconciler_last_pass_timestamp_seconds',
      help: 'When the reconciler last looked at what is to be done.',
      registers,
    });
    this.#lastTask = new Gauge({
      name: 'silversmith_task_last_success_timestamp_seconds',
      help: 'When a task of the reconciler last came to its end.',
      labelNames: ['task'],
      registers,
    });
    this.#journal = new Counter({
      name: 'silversmith_signature_journal_failures_total',
      help: 'Signatures of reads that could not be written down; replays of those would be taken after a restart.',
      registers,
    });
    this.#growers = new Gauge({
      name: 'silversmith_disk_growth_bytes',
      help: 'By how much the disks that grew most did so between the last two measurements, while the disk of the host is nearly full; at most five.',
      labelNames: ['machine'],
      registers,
    });
    this.#starts = new StartMetrics(this.#registry);
    this.events = new EventMetrics(this.#registry);
    this.#look = countGauges(this.#registry, counts, clock);
  }

  answered(operation: string, code: number, ms: number): void {
    this.#requests.observe({ operation, code }, ms / 1000);
  }

  attempted(kind: string, outcome: (typeof outcomes)[number], ms: number): void {
    this.#ended.inc({ kind, outcome });
    this.#duration.observe({ kind }, ms / 1000);
  }

  waited(kind: string, ms: number): void {
    this.#wait.observe({ kind }, ms / 1000);
  }

  verbEnded(verb: string, ms: number, hasFailed: boolean): void {
    this.#verb.observe({ verb }, ms / 1000);
    if (hasFailed) this.#verbFailures.inc({ verb });
  }

  written(ms: number): void {
    this.#write.observe(ms / 1000);
  }

  passed(): void {
    this.#lastPass.set(this.#clock.now() / 1000);
  }

  taskDone(task: string): void {
    this.#lastTask.set({ task }, this.#clock.now() / 1000);
  }

  started(reason: ColdReason | null, ms: number): void {
    this.#starts.started(reason, ms);
  }

  disksGrew(growers: readonly { machine: number; bytes: number }[]): void {
    this.#growers.reset();
    for (const { machine, bytes } of growers) this.#growers.set({ machine }, bytes);
  }

  delivered(outcome: DeliveryOutcome): void {
    this.events.delivered(outcome);
  }

  journalFailed(): void {
    this.#journal.inc();
  }

  /** Returns all metrics, in the format that Prometheus reads. */
  async text(): Promise<string> {
    await this.#look();
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }
}

/** Answers /metrics; with `besideApi`, the answer is for callers on this host only. */
export function metricsRoute(
  app: FastifyInstance,
  metrics: Metrics,
  { besideApi }: { besideApi: boolean },
): void {
  app.get('/metrics', async ({ raw }, reply) => {
    if (besideApi && !isOwn(raw))
      throw new AppError(
        'not_found',
        'There is nothing at /metrics; /openapi.json lists what there is.',
      );
    return reply.type(metrics.contentType).send(await metrics.text());
  });
}

/** Builds a server that answers /metrics and nothing else. */
export function metricsServer(metrics: Metrics): FastifyInstance {
  const app = Fastify({ ...connectionLimits, requestTimeout: 30_000, forceCloseConnections: true });
  app.server.maxConnections = 100;
  metricsRoute(app, metrics, { besideApi: false });
  return app;
}
