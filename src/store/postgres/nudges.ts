// Nudges between the servers on one database, by LISTEN and NOTIFY. A nudge carries no facts and may
// be lost, since every server also looks at the store by a timer.
//
// A nudge is sent outside of the transaction that it is about, because a transaction that notifies
// keeps other such transactions waiting while it is committed.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, Pool } from 'pg';
import { endOf } from './pool.ts';

const channel = 'silversmith_jobs';
const againMs = 1000;

export class Nudges {
  readonly #pool: Pool;
  readonly #open: () => Client;
  readonly #self = randomUUID();
  readonly #closed = new AbortController();
  #wake: (() => void) | null = null;
  #sending = false;
  #again = false;
  #listening: Promise<void> | null = null;

  constructor(pool: Pool, open: () => Client) {
    this.#pool = pool;
    this.#open = open;
  }

  /** Nudges the other servers. Nudges that come while one is sent share the next one. */
  send(): void {
    if (this.#sending) {
      this.#again = true;
      return;
    }
    this.#sending = true;
    this.#pool
      .query('select pg_notify($1, $2)', [channel, this.#self])
      .catch(() => {})
      .finally(() => {
        this.#sending = false;
        if (this.#again && !this.#closed.signal.aborted) {
          this.#again = false;
          this.send();
        }
      });
  }

  /** Calls `wake` for each nudge of another server, until it is closed. Call it once. */
  listen(wake: () => void): void {
    this.#wake = wake;
    this.#listening ??= this.#listen();
  }

  async #listen(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      await this.#connection(signal).catch(() => {});
      // Nudges may have been lost while there was no connection.
      if (!signal.aborted) this.#wake?.();
      await sleep(againMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {});
    }
  }

  /** Resolves when the connection has ended. */
  async #connection(signal: AbortSignal): Promise<void> {
    const client = this.#open();
    const ended = endOf(client);
    const close = () => void client.end().catch(() => {});
    signal.addEventListener('abort', close, { once: true });
    client.on('notification', ({ payload }) => {
      if (payload !== this.#self) this.#wake?.();
    });
    try {
      await client.connect();
      await client.query(`listen ${channel}`);
      await ended;
    } finally {
      signal.removeEventListener('abort', close);
      await client.end().catch(() => {});
    }
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#listening;
  }
}
