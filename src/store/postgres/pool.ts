// The pool of connections to PostgreSQL: its limits, the mapping of numbers, and statements that
// each connection prepares once.

import pg from 'pg';
import { within } from '../../lib/within.ts';
import { withoutNul } from './dialect.ts';
import { isStalePlan, isUnanswered } from './errors.ts';

/** The longest that a request waits for a connection, new or from the pool. */
const connectMostMs = 5000;
/** The longest that a statement may run, and that a transaction may wait for its next statement. */
const statementMostMs = 20_000;
/** A connection that says nothing for so long after that counts as lost. */
const graceMs = 2000;
const connectionsMax = 10;
/** A statement beyond these is sent with its text each time. */
const namedMax = 500;

/** A whole number above what JavaScript can hold would be wrong, so it is an error. */
function toNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    throw new RangeError(`${text} is too large a number`);
  return value;
}

const numeric: Record<number, true> = {
  [pg.types.builtins.INT8]: true,
  [pg.types.builtins.NUMERIC]: true,
};

const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    numeric[oid]
      ? toNumber
      : pg.types.getTypeParser(oid, format ?? 'text')) as typeof pg.types.getTypeParser,
};

/**
 * Gives each text of a statement a name, so that a connection parses and plans it once. A search
 * has none: a plan for any text reads all names, and the plan for a rare text the index of its
 * parts.
 */
const names = new Map<string, string>();
let generation = 0;
function nameOf(text: string): string | undefined {
  if (text.includes(' like ')) return undefined;
  const known = names.get(text);
  if (known !== undefined || names.size >= namedMax) return known;
  const name = `s${generation}_${names.size}`;
  names.set(text, name);
  return name;
}

/** Prepares every statement anew when a table has changed below one of them. */
function noteStalePlan(error: unknown): void {
  if (!isStalePlan(error)) return;
  names.clear();
  generation++;
}

const sent = (value: unknown): unknown =>
  typeof value === 'string' && value.includes('\0') ? withoutNul(value) : value;

class NamingClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    // A connection that breaks fails its query, and is told as an event too. Without a listener,
    // that event would end the process.
    this.on('error', () => {});
  }

  /** Ends a connection that answers no more, so that the pool does not give it out again. */
  #abandon(): void {
    const { connection } = this as unknown as { connection: { stream: { destroy(): void } } };
    connection.stream.destroy();
  }

  override query(...args: unknown[]): never {
    const [text, values, ...rest] = args;
    const given =
      typeof text === 'string' && Array.isArray(values)
        ? [{ name: nameOf(text), text, values: values.map(sent) }, ...rest]
        : args;
    const asked: unknown = super.query(...(given as Parameters<pg.Client['query']>));
    if (asked instanceof Promise)
      asked.catch((error) => {
        noteStalePlan(error);
        if (isUnanswered(error)) this.#abandon();
      });
    return asked as never;
  }
}

const settings = (url: string, statementMs = statementMostMs): pg.ClientConfig => ({
  connectionString: url,
  application_name: 'silversmith',
  connectionTimeoutMillis: connectMostMs,
  statement_timeout: statementMs,
  idle_in_transaction_session_timeout: statementMs,
  query_timeout: statementMs + graceMs,
  keepAlive: true,
  // To compile a statement takes longer than any statement of a server runs.
  options: '-c jit=off',
  types,
});

export function openPool(url: string, statementMs?: number): pg.Pool {
  const pool = new pg.Pool({
    ...settings(url, statementMs),
    max: connectionsMax,
    Client: NamingClient,
  });
  // A connection that breaks while nobody uses it leaves the pool; the next user gets a new one.
  pool.on('error', () => {});
  return pool;
}

/** Resolves when a connection has ended, for whatever reason. Call it before it connects. */
export const endOf = (client: pg.Client): Promise<void> =>
  new Promise((resolve) => {
    client.once('end', resolve);
    client.on('error', () => resolve());
  });

/**
 * The end of a connection whose database has crashed may never be told, so nobody waits longer.
 * What is left of it then is a socket that is closed already.
 */
export const endMostMs = 2000;

/** Ends a connection. Never rejects. */
export const ended = (client: pg.Client): Promise<void> => within(endMostMs, client.end());

/** A connection of its own, outside the pool. */
export const openClient = (url: string): pg.Client => new pg.Client(settings(url));
