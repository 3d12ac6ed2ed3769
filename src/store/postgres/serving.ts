// Shows which servers work on a database, by an advisory lock: each server shares it for as long as
// it serves, and a command that needs the database for itself takes it alone.

import { setTimeout as sleep } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import type { Client } from 'pg';
import { AppError } from '../../domain/error.ts';
import { within } from '../../lib/within.ts';
import { translated } from './errors.ts';
import { ended, endMostMs, endOf, openClient } from './pool.ts';

const servingLock = 7_521_338_905;
const againMs = 1000;

interface Serving {
  release(): Promise<void>;
}

/**
 * Takes the lock alone until it is released. Null while a server, or another such command, works on
 * the database. Throws `unavailable` when the database cannot be reached.
 */
export async function tryHoldAlone(url: string): Promise<Serving | null> {
  const released = new AbortController();
  const held = await translated(() => hold(url, released.signal, 'pg_try_advisory_lock'));
  if (held === null) return null;
  return {
    async release() {
      released.abort();
      await within(endMostMs, held.ended);
    },
  };
}

/**
 * Shares the lock until it is released. It is held by a connection of its own; when that breaks, it
 * is taken again as soon as the database answers. Throws `unavailable` when a command has the
 * database for itself, and when the database cannot be reached.
 */
export async function holdServing(url: string): Promise<Serving> {
  const released = new AbortController();
  const { signal } = released;
  let held = await translated(() => share(url, signal));
  const keep = async () => {
    await held.ended;
    while (!signal.aborted) {
      const again = await share(url, signal).catch(() => null);
      if (again) held = again;
      else await sleep(againMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {});
      await held.ended;
    }
  };
  const kept = keep();
  return {
    async release() {
      released.abort();
      await within(endMostMs, kept);
    },
  };
}

async function share(url: string, signal: AbortSignal): Promise<Held> {
  const held = await hold(url, signal, 'pg_try_advisory_lock_shared');
  if (held === null) throw usedAlone();
  return held;
}

interface Held {
  /** Resolves when the connection that has the lock has ended. */
  ended: Promise<void>;
}

/** Takes the lock by a connection of its own; null when another one keeps it. */
async function hold(
  url: string,
  signal: AbortSignal,
  lock: 'pg_try_advisory_lock' | 'pg_try_advisory_lock_shared',
): Promise<Held | null> {
  const client: Client = openClient(url);
  const over = endOf(client);
  try {
    await client.connect();
    const { rows } = await client.query<{ taken: boolean }>(`select ${lock}($1) as taken`, [
      servingLock,
    ]);
    if (rows[0]?.taken !== true) {
      await ended(client);
      return null;
    }
  } catch (error) {
    await ended(client);
    throw error;
  }
  const close = () => void client.end().catch(() => {});
  if (signal.aborted) close();
  signal.addEventListener('abort', close, { once: true });
  return { ended: over.finally(() => signal.removeEventListener('abort', close)) };
}

const usedAlone = () =>
  new AppError(
    'unavailable',
    'A command has the database for itself, such as silversmith store copy. Wait until it is done.',
    { retry: 'later' },
  );

/**
 * Takes the lock alone until the transaction ends. Throws `unavailable` while a server, or another
 * such command, works on the database.
 */
export async function lockAlone(transaction: Kysely<unknown>, name: string): Promise<void> {
  const { rows } = await sql<{ taken: boolean }>`
    select pg_try_advisory_xact_lock(${servingLock}) as taken`.execute(transaction);
  if (rows[0]?.taken === true) return;
  throw new AppError(
    'unavailable',
    `A server runs on ${name}, or another command has it for itself. Stop every server on it first.`,
  );
}
