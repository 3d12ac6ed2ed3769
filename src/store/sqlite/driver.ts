// Lets Kysely speak to the SQLite inside Node, with each statement prepared once, and beside other
// processes.

import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CompiledQuery,
  type DatabaseConnection,
  SqliteAdapter,
  SqliteDialect,
  type SqliteDialectConfig,
  SqliteDriver,
} from 'kysely';
import { waitMostMs } from './database.ts';
import { resultCodeOf, resultCodes } from './errors.ts';

const statementsMax = 500;

/**
 * A transaction takes the right to write when it begins: one that has read first would be refused
 * when another process wrote meanwhile. Who has to wait for it asks every few milliseconds, without
 * holding up its process: SQLite's own waiting blocks, and asks so seldom that a busy server would
 * keep an operator's command out for ever.
 */
class ImmediateDriver extends SqliteDriver {
  readonly #guard: Guard;

  constructor(config: SqliteDialectConfig, guard: Guard) {
    super(config);
    this.#guard = guard;
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    // One that could not be undone when it failed would keep out all others.
    await this.rollbackTransaction(connection);
    const until = performance.now() + waitMostMs;
    while (true) {
      try {
        await connection.executeQuery(CompiledQuery.raw('begin immediate'));
        this.#guard.begun = true;
        return;
      } catch (error) {
        if (resultCodeOf(error) !== resultCodes.busy || performance.now() >= until) throw error;
        await sleep(1 + Math.random() * 2);
      }
    }
  }

  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await super.commitTransaction(connection);
    this.#guard.begun = false;
  }

  /**
   * The first thing that went wrong is told: not that nothing is left to undo, nor that undoing
   * failed too.
   */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    this.#guard.end();
    if (this.#guard.isOpen()) await super.rollbackTransaction(connection).catch(() => {});
  }
}

/**
 * SQLite undoes a transaction by itself when the disk is full or fails, when there is no memory,
 * and when it is interrupted: at a statement or at the commit. What its owner still sends would be
 * committed statement by statement, so it is refused.
 */
class Guard {
  /** Whether a transaction has begun, and its owner has not ended it. */
  begun = false;
  #undoneBy: unknown;
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  isOpen(): boolean {
    return this.#database.isTransaction;
  }

  end(): void {
    this.begun = false;
    this.#undoneBy = undefined;
  }

  run<Result>(work: () => Result): Result {
    if (this.#undoneBy !== undefined) throw this.#undoneBy;
    try {
      return work();
    } catch (error) {
      if (this.begun && !this.isOpen()) this.#undoneBy = error;
      throw error;
    }
  }
}

/**
 * Kysely says that a change of SQLite's schema cannot be undone. It can: it is a part of its
 * transaction like any other write.
 */
class TransactionalSchemaAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class ImmediateDialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig;
  readonly #guard: Guard;

  constructor(config: SqliteDialectConfig, guard: Guard) {
    super(config);
    this.#config = config;
    this.#guard = guard;
  }

  override createAdapter(): SqliteAdapter {
    return new TransactionalSchemaAdapter();
  }

  override createDriver(): SqliteDriver {
    return new ImmediateDriver(this.#config, this.#guard);
  }
}

export function sqliteDriver(database: DatabaseSync): SqliteDialect {
  const guard = new Guard(database);
  const prepared = new Map<string, StatementSync>();
  const statementOf = (sql: string) => {
    let statement = prepared.get(sql);
    if (!statement) {
      if (prepared.size >= statementsMax) prepared.clear();
      statement = database.prepare(sql);
      prepared.set(sql, statement);
    }
    return statement;
  };
  const config: SqliteDialectConfig = {
    database: {
      close: () => database.close(),
      prepare: (sql) => {
        const statement = guard.run(() => statementOf(sql));
        return {
          reader: statement.columns().length > 0,
          all: (parameters) => guard.run(() => statement.all(...(parameters as SQLInputValue[]))),
          run: (parameters) => guard.run(() => statement.run(...(parameters as SQLInputValue[]))),
          iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
        };
      },
    },
  };
  return new ImmediateDialect(config, guard);
}
