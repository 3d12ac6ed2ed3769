// Nudges between the servers on one database, by LISTEN and NOTIFY. A nudge carries no facts and
// may be lost, since every server also looks at the store by a timer.
//
// A nudge is sent outside of the transaction that it is about, because a transaction that notifies
// keeps other such transactions waiting while it is committed.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, Pool } from 'pg';
import { within } from '../../lib/within.ts';
import { ended, endMostMs, endOf } from './pool.ts';

const channels = ['silversmith_jobs', 'silversmith_events'] as const;
/** `silversmith_jobs`: jobs may wait. `silversmith_events`: events may have been written. */
type Channel = (typeof channels)[number];
const againMs = 1000;

export class Nudges {
  readonly #pool: Pool;
  readonly #open: () => Client;
  readonly #self = randomUUID();
  readonly #closed = new AbortController();
  readonly #wakes = new Map<Channel, () => void>();
  /** The channels on which a nudge is being sent; true: another one follows. */
  readonly #sending = new Map<Channel, boolean>();
  #listening: Promise<void> | null = null;

  constructor(pool: Pool, open: () => Client) {
    this.#pool = pool;
    this.#open = open;
  }

  /** Nudges the other servers. Nudges that come while one is sent share the next one. */
  send(channel: Channel): void {
    if (this.#sending.has(channel)) {
      this.#sending.set(channel, true);
      return;
    }
    this.#sending.set(channel, false);
    this.#pool
      .query('select pg_notify($1, $2)', [channel, this.#self])
      .catch(() => {})
      .finally(() => {
        const again = this.#sending.get(channel) === true;
        this.#sending.delete(channel);
        if (again && !this.#closed.signal.aborted) this.send(channel);
      });
  }

  /** Calls `wake` for each nudge of another server, until it is closed. Once for each channel. */
  listen(channel: Channel, wake: () => void): void {
    this.#wakes.set(channel, wake);
    this.#listening ??= this.#listen();
  }

  async #listen(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      await this.#connection(signal).catch(() => {});
      await sleep(againMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {});
    }
  }

  /** Resolves when the connection has ended. */
  async #connection(signal: AbortSignal): Promise<void> {
    const client = this.#open();
    const over = endOf(client);
    const close = () => void client.end().catch(() => {});
    signal.addEventListener('abort', close, { once: true });
    client.on('notification', ({ channel, payload }) => {
      const known = channels.find((one) => one === channel);
      if (known !== undefined && payload !== this.#self) this.#wakes.get(known)?.();
    });
    try {
      await client.connect();
      for (const channel of channels) await client.query(`listen ${channel}`);
      // Nudges may have been lost while there was no connection.
      for (const wake of this.#wakes.values()) wake();
      await over;
    } finally {
      signal.removeEventListener('abort', close);
      await ended(client);
    }
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await within(endMostMs, this.#listening ?? Promise.resolve());
  }
}
