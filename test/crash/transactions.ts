// Counts the transactions of a store as steps. A transaction is a step when it changes something;
// its name lists the tables. There are two steps: `commit` before it is durable, `answer` after,
// before the caller hears of it.

import { DatabaseSync, StatementSync } from 'node:sqlite';
import pg from 'pg';

/** Takes a step; whether the database crashed at it. */
export type TakeStep = (name: string) => boolean;

type Verb = (...args: unknown[]) => unknown;

/** The tables that the open transaction of each connection has changed. */
class Changes {
  readonly #tables = new WeakMap<object, Set<string>>();

  /** Returns the tables that a statement makes durable; empty: it changes nothing by itself. */
  note(connection: object, sql: string): string {
    if (/^(begin|start transaction)/.test(sql)) this.#tables.set(connection, new Set());
    const open = this.#tables.get(connection);
    if (/^(commit|rollback)/.test(sql)) this.#tables.delete(connection);
    if (sql === 'commit') return [...(open ?? [])].sort().join(', ');
    const table = /^(?:insert into|update|delete from) "(\w+)"/.exec(sql)?.[1];
    if (table !== undefined) open?.add(table);
    // This statement is a transaction by itself.
    return /^\s*with given as.*?insert into (read_signature)/s.exec(sql)?.[1] ?? '';
  }
}

export function countInSqlite(step: TakeStep): void {
  const changes = new Changes();
  const databaseOf = new WeakMap<StatementSync, DatabaseSync>();
  const prepare = DatabaseSync.prototype.prepare;
  DatabaseSync.prototype.prepare = function (this: DatabaseSync, sql: string) {
    const statement = prepare.call(this, sql);
    databaseOf.set(statement, this);
    return statement;
  };
  for (const verb of ['run', 'all'] as const) {
    const original = Reflect.get(StatementSync.prototype, verb) as Verb;
    Reflect.set(StatementSync.prototype, verb, function (this: StatementSync, ...args: unknown[]) {
      const database = databaseOf.get(this);
      const changed = database ? changes.note(database, this.sourceSQL) : '';
      if (changed !== '') step(`commit ${changed}`);
      const result = original.apply(this, args);
      if (changed !== '') step(`answer ${changed}`);
      return result;
    });
  }
}

export function countInPostgres(step: TakeStep): void {
  const changes = new Changes();
  const original = Reflect.get(pg.Client.prototype, 'query') as Verb;
  Reflect.set(pg.Client.prototype, 'query', function (this: pg.Client, ...args: unknown[]) {
    const [statement] = args as [string | { text?: string }];
    const sql = typeof statement === 'string' ? statement : (statement.text ?? '');
    const changed = changes.note(this, sql);
    if (changed === '') return original.apply(this, args);
    step(`commit ${changed}`);
    const answered = () => {
      // The database crashed when it had committed, so its answer never came.
      if (step(`answer ${changed}`)) throw new Error('Connection terminated unexpectedly');
    };
    const callback = args.at(-1);
    if (typeof callback !== 'function')
      return (original.apply(this, args) as Promise<unknown>).then((result) => {
        answered();
        return result;
      });
    const after = (error: unknown, result: unknown) => {
      if (error) return callback(error);
      try {
        answered();
      } catch (lost) {
        return callback(lost);
      }
      callback(null, result);
    };
    return original.apply(this, [...args.slice(0, -1), after]);
  });
}
