// Counts the units of work of a store as steps. A unit is a step when it changes something; its
// name lists the tables. There are two steps: `commit` before it is durable, `answer` after, before
// the caller hears of it. Units that share a transaction have all their `commit` before it.

import { DatabaseSync, StatementSync } from 'node:sqlite';
import pg from 'pg';

/** Takes a step; whether the database crashed at it. */
export type TakeStep = (name: string) => boolean;

type Verb = (...args: unknown[]) => unknown;

/** The tables that each unit of work in the open transaction of each connection has changed. */
class Changes {
  readonly #units = new WeakMap<object, Set<string>[]>();

  /**
   * Returns what a statement makes durable: for each unit of work that changes something, the names
   * of its tables. Units that share a transaction are steps of their own, so that the names do not
   * depend on which units happen to meet.
   */
  note(connection: object, sql: string): string[] {
    if (/^(begin|start transaction)/.test(sql)) this.#units.set(connection, [new Set()]);
    const units = this.#units.get(connection);
    if (sql === 'savepoint unit') units?.push(new Set());
    if (sql === 'rollback to unit') units?.at(-1)?.clear();
    if (/^(commit|rollback)$/.test(sql)) this.#units.delete(connection);
    if (sql === 'commit')
      return (units ?? [])
        .filter(({ size }) => size > 0)
        .map((unit) => [...unit].sort().join(', '));
    const table = /^(?:insert into|update|delete from) "(\w+)"/.exec(sql)?.[1];
    // Events are written in transactions that are made anyway, and are no subject of their own.
    if (table !== undefined && !/^event/.test(table)) units?.at(-1)?.add(table);
    // This statement is a transaction by itself.
    const single = /^\s*with given as.*?insert into (read_signature)/s.exec(sql)?.[1];
    return single === undefined ? [] : [single];
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
      const changed = database ? changes.note(database, this.sourceSQL) : [];
      for (const unit of changed) step(`commit ${unit}`);
      const result = original.apply(this, args);
      for (const unit of changed) step(`answer ${unit}`);
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
    const [changed] = changes.note(this, sql);
    if (changed === undefined) return original.apply(this, args);
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
