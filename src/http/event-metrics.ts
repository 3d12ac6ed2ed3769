// The metrics of the streams of events of one server, and of what it delivers to webhooks.

import { Counter, Gauge, type Registry } from 'prom-client';

/**
 * `left`: the client closed it. `slow`: its connection took nothing for so long that it was closed.
 * `settled`: it had all that it was for. `stopping`: the server stops. `key`: its key is not in use
 * any more. `store`: the store could not be read.
 */
const streamEnds = ['left', 'slow', 'settled', 'stopping', 'key', 'store'] as const;
export type StreamEnd = (typeof streamEnds)[number];

const deliveryOutcomes = ['delivered', 'retried', 'dead'] as const;
export type DeliveryOutcome = (typeof deliveryOutcomes)[number];

export class EventMetrics {
  readonly #listeners: Gauge;
  readonly #behind: Gauge;
  readonly #ended: Counter<'reason'>;
  readonly #gaps: Counter;
  readonly #deliveries: Counter<'outcome'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#listeners = new Gauge({
      name: 'silversmith_event_listeners',
      help: 'Streams of events that are open at this server.',
      registers,
    });
    this.#behind = new Gauge({
      name: 'silversmith_event_listeners_behind',
      help: 'Open streams of events whose connection took no more when they were last looked at.',
      registers,
    });
    this.#ended = new Counter({
      name: 'silversmith_event_listeners_ended_total',
      help: 'Streams of events that ended, by reason.',
      labelNames: ['reason'],
      registers,
    });
    for (const reason of streamEnds) this.#ended.inc({ reason }, 0);
    this.#gaps = new Counter({
      name: 'silversmith_event_gaps_total',
      help: 'How often a listener was told that events are lost to it.',
      registers,
    });
    this.#deliveries = new Counter({
      name: 'silversmith_webhook_deliveries_total',
      help: 'Attempts to deliver to a webhook, by how they ended: delivered, retried (tried again later), dead (not tried again).',
      labelNames: ['outcome'],
      registers,
    });
    for (const outcome of deliveryOutcomes) this.#deliveries.inc({ outcome }, 0);
  }

  counted(listeners: number, behind: number): void {
    this.#listeners.set(listeners);
    this.#behind.set(behind);
  }

  ended(reason: StreamEnd): void {
    this.#ended.inc({ reason });
  }

  missed(): void {
    this.#gaps.inc();
  }

  delivered(outcome: DeliveryOutcome): void {
    this.#deliveries.inc({ outcome });
  }
}
