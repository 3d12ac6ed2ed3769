// Connects Kysely to the SQLite inside Node: it prepares each statement once, waits for other
// processes without blocking, and keeps a transaction that SQLite has undone from going on.

import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CompiledQuery,
  type DatabaseConnection,
  SqliteAdapter,
  SqliteDialect,
  type SqliteDialectConfig,
  SqliteDriver,
  SqliteQueryCompiler,
  type SqliteStatement,
} from 'kysely';
import { nameInDatabase } from '../sql/names.ts';
import { waitMostMs } from './database.ts';
import { resultCodeOf, resultCodes } from './errors.ts';

const statementsMax = 500;

/**
 * A transaction takes the write lock when it begins, because SQLite refuses a transaction that has
 * read first when another process wrote meanwhile. To wait for the lock, it asks every few
 * milliseconds: SQLite's own waiting blocks the process, and asks so seldom that a busy server
 * would keep an operator's command out.
 */
class ImmediateDriver extends SqliteDriver {
  readonly #guard: Guard;

  constructor(config: SqliteDialectConfig, guard: Guard) {
    super(config);
    this.#guard = guard;
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    // A transaction that could not be rolled back would keep out all others.
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
   * Never throws, so that the caller sees the first error: not that there was nothing left to roll
   * back, and not that rolling back failed too.
   */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    this.#guard.end();
    if (this.#guard.isOpen()) await super.rollbackTransaction(connection).catch(() => {});
  }
}

/**
 * SQLite rolls a transaction back by itself when the disk is full or fails, when memory is short,
 * and when it is interrupted. Later statements of that transaction would then be committed one by
 * one, so the guard refuses them with the error that ended it.
 */
class Guard {
  /** Whether a transaction has begun that its owner has not ended. */
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

/** Kysely assumes that SQLite cannot roll a change of the schema back. It can. */
class TransactionalSchemaAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

export class SnakeCaseCompiler extends SqliteQueryCompiler {
  protected override sanitizeIdentifier(name: string): string {
    return super.sanitizeIdentifier(nameInDatabase(name));
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

  override createQueryCompiler(): SqliteQueryCompiler {
    return new SnakeCaseCompiler();
  }

  override createDriver(): SqliteDriver {
    return new ImmediateDriver(this.#config, this.#guard);
  }
}

export function sqliteDriver(database: DatabaseSync): SqliteDialect {
  const guard = new Guard(database);
  const prepared = new Map<string, SqliteStatement>();
  const statementOf = (sql: string): SqliteStatement => {
    const statement = database.prepare(sql);
    return {
      reader: statement.columns().length > 0,
      all: (parameters) => guard.run(() => statement.all(...(parameters as SQLInputValue[]))),
      run: (parameters) => guard.run(() => statement.run(...(parameters as SQLInputValue[]))),
      iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
    };
  };
  const config: SqliteDialectConfig = {
    database: {
      close: () => database.close(),
      prepare(sql) {
        let statement = prepared.get(sql);
        if (!statement) {
          if (prepared.size >= statementsMax) prepared.clear();
          statement = guard.run(() => statementOf(sql));
          prepared.set(sql, statement);
        }
        return statement;
      },
    },
  };
  return new ImmediateDialect(config, guard);
}
