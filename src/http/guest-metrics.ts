// The metrics of machines' guests: how they ended, and how many of their agents are silent.

import { Counter, Gauge, type Registry } from 'prom-client';
import { type GuestEnd, guestEnds } from '../domain/machine-life.ts';

export class GuestMetrics {
  readonly #ended: Counter<'end'>;
  readonly #restarted: Counter;
  readonly #silent: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#ended = new Counter({
      name: 'silversmith_guests_ended_total',
      help: 'Guests that ended without being asked for: off (powered off from inside), crashed, hung, broken (an internal error of QEMU), killed, idle (stopped because nobody used the machine).',
      labelNames: ['end'],
      registers,
    });
    // A counter that appears with its first event has no increase that an alert could see.
    for (const end of guestEnds) this.#ended.inc({ end }, 0);
    this.#restarted = new Counter({
      name: 'silversmith_guest_restarts_total',
      help: 'Machines that were started again because their guests had died.',
      registers,
    });
    this.#silent = new Gauge({
      name: 'silversmith_guests_silent',
      help: 'Machines whose guest agent answered before and is silent now.',
      registers,
    });
  }

  ended(end: GuestEnd): void {
    this.#ended.inc({ end });
  }

  restarted(): void {
    this.#restarted.inc();
  }

  silent(count: number): void {
    this.#silent.set(count);
  }
}
