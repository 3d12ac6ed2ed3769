// The metrics that Prometheus reads at /metrics: counters of this process since it began, and
// numbers that the store counts at that moment. They hold no name, key or id of a caller.
// docs/guide/alerts.yml says which numbers are bad, and docs/guide/operations.md has the remedies.

import type { IncomingMessage } from 'node:http';
import Fastify, { type FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ServiceCounts } from '../app/counts.ts';
import { AppError } from '../domain/error.ts';
import type { Clock } from '../lib/clock.ts';
import { connectionLimits } from './hygiene.ts';

const requestBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30];
const jobBuckets = [0.1, 0.5, 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600];

/** The metrics of one server. The parts of the server call its methods to count their work. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #clock: Clock;
  readonly #look: () => Promise<void>;
  readonly #requests: Histogram<'operation' | 'code'>;
  readonly #ended: Counter<'kind' | 'outcome'>;
  readonly #duration: Histogram<'kind'>;
  readonly #lastPass: Gauge;
  readonly #lastTask: Gauge<'task'>;
  readonly #journal: Counter;

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
      help: 'Attempts at jobs, by how they ended: done, failed (the caller is told why), retried (tried again later), unforeseen (a defect).',
      labelNames: ['kind', 'outcome'],
      registers,
    });
    this.#duration = new Histogram({
      name: 'silversmith_job_duration_seconds',
      help: 'How long an attempt at a job took.',
      labelNames: ['kind'],
      buckets: jobBuckets,
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
    this.#look = countGauges(this.#registry, counts, clock);
  }

  answered(operation: string, code: number, ms: number): void {
    this.#requests.observe({ operation, code }, ms / 1000);
  }

  attempted(kind: string, outcome: 'done' | 'failed' | 'retried' | 'unforeseen', ms: number): void {
    this.#ended.inc({ kind, outcome });
    this.#duration.observe({ kind }, ms / 1000);
  }

  passed(): void {
    this.#lastPass.set(this.#clock.now() / 1000);
  }

  taskDone(task: string): void {
    this.#lastTask.set({ task }, this.#clock.now() / 1000);
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

/** Makes gauges of the store's counts; the returned function sets them. */
function countGauges(
  registry: Registry,
  look: () => Promise<ServiceCounts>,
  clock: Clock,
): () => Promise<void> {
  const of = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `silversmith_${name}`, help, labelNames, registers: [registry] });
  const fill = (gauge: Gauge, rows: ServiceCounts['counts']['jobs']) => {
    gauge.reset();
    for (const { labels, count } of rows) gauge.set(labels, count);
  };
  const jobs = of('jobs', 'Open jobs.', ['kind', 'state']);
  const oldestDue = of(
    'job_oldest_due_seconds',
    'For how long the job that waits longest could be begun.',
  );
  const overdue = of(
    'job_leases_overdue',
    'Jobs whose owner is silent and that nobody has taken over.',
  );
  const images = of('images', 'Images that are not deleted.', ['status']);
  const machines = of('machines', 'Machines.', ['status']);
  const layers = of('layers', 'Layers.', ['kind', 'state']);
  const layerBytes = of('layer_stored_bytes', 'What layers take on the disk of the host.', [
    'kind',
    'state',
  ]);
  const disks = of('disks', 'Disks of machines.', ['state']);
  const orphans = of('orphans', 'Files in the engine’s keeping that the store does not know.');
  const unverified = of(
    'layer_oldest_verification_seconds',
    'How long ago the least recently verified layer was.',
  );
  const free = of('host_disk_free_bytes', 'Room on the disk of the host, as last looked at.');
  const total = of('host_disk_total_bytes', 'Size of the disk of the host.');
  const sinceSeconds = (at: number | null | undefined) =>
    Math.max(0, (clock.now() - (at ?? clock.now())) / 1000);
  return async () => {
    const { counts, dueAt, capacity } = await look();
    fill(jobs, counts.jobs);
    oldestDue.set(sinceSeconds(dueAt));
    overdue.set(counts.leasesOverdue);
    fill(images, counts.images);
    fill(machines, counts.machines);
    fill(layers, counts.layers);
    fill(layerBytes, counts.layerBytes);
    fill(disks, counts.disks);
    orphans.set(counts.orphans);
    unverified.set(sinceSeconds(counts.oldestVerifiedAt));
    free.set(capacity?.freeBytes ?? Number.NaN);
    total.set(capacity?.totalBytes ?? Number.NaN);
  };
}

const forwarding =
  /^(forwarded|via|x-forwarded-.*|x-real-ip|x-client-ip|true-client-ip|cf-connecting-ip)$/;
const loopback = /^(::1|(::ffff:)?127\.[\d.]+)$/;
const loopbackName = /^(localhost|\[::1\]|127\.[\d.]+)(:\d+)?$/i;

/**
 * Whether a request comes from this host itself and names this host, so that neither a proxy nor a
 * page in a browser has sent it.
 */
const isOwn = ({ socket, headers }: IncomingMessage) =>
  loopback.test(socket.remoteAddress ?? '') &&
  loopbackName.test(headers.host ?? '') &&
  !Object.keys(headers).some((name) => forwarding.test(name));

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
