// Lets Kysely speak to the SQLite inside Node, with each statement prepared once, and beside other processes.

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
import { resultCodeOf, resultCodes, waitMostMs } from './database.ts';

const statementsMax = 500;

/**
 * A transaction takes the right to write when it begins: one that has read first would be refused when another process wrote meanwhile.
 * Who has to wait for it asks every few milliseconds, without holding up its process: SQLite's own waiting blocks, and asks so seldom
 * that a busy server would keep an operator's command out for ever.
 */
class ImmediateDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    const until = performance.now() + waitMostMs;
    while (true) {
      try {
        await connection.executeQuery(CompiledQuery.raw('begin immediate'));
        return;
      } catch (error) {
        if (resultCodeOf(error) !== resultCodes.busy || performance.now() >= until) throw error;
        await sleep(1 + Math.random() * 2);
      }
    }
  }
}

/** Kysely says that a change of SQLite's schema cannot be undone. It can: it is a part of its transaction like any other write. */
class TransactionalSchemaAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class ImmediateDialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig;

  constructor(config: SqliteDialectConfig) {
    super(config);
    this.#config = config;
  }

  override createAdapter(): SqliteAdapter {
    return new TransactionalSchemaAdapter();
  }

  override createDriver(): SqliteDriver {
    return new ImmediateDriver(this.#config);
  }
}

export function sqliteDialect(database: DatabaseSync): SqliteDialect {
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
  return new ImmediateDialect({
    database: {
      close: () => database.close(),
      prepare: (sql) => {
        const statement = statementOf(sql);
        return {
          reader: statement.columns().length > 0,
          all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
          run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
          iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
        };
      },
    },
  });
}
