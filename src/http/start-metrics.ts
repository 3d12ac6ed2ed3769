// The metrics of starts of machines: how many were from memory, why the others were not, and how
// long each took.

import { Counter, Histogram, type Registry } from 'prom-client';
import { type ColdReason, coldReasons } from '../domain/template.ts';

const startBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320];

export class StartMetrics {
  readonly #starts: Counter<'how' | 'reason'>;
  readonly #duration: Histogram<'how'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#starts = new Counter({
      name: 'silversmith_machine_starts_total',
      help: 'Machines that became ready, by how they were started (memory or disk) and, for disk, why.',
      labelNames: ['how', 'reason'],
      registers,
    });
    // A counter that appears with its first event has no increase that an alert could see.
    this.#starts.inc({ how: 'memory', reason: '' }, 0);
    for (const reason of Object.keys(coldReasons)) this.#starts.inc({ how: 'disk', reason }, 0);
    this.#duration = new Histogram({
      name: 'silversmith_machine_start_duration_seconds',
      help: 'How long a machine took from the request of its start until it was ready.',
      labelNames: ['how'],
      buckets: startBuckets,
      registers,
    });
  }

  /** Counts a start; without a reason it was from memory. */
  started(reason: ColdReason | null, ms: number): void {
    const how = reason === null ? 'memory' : 'disk';
    this.#starts.inc({ how, reason: reason ?? '' });
    this.#duration.observe({ how }, ms / 1000);
  }
}
