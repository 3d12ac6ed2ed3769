// Surveys: reads that look at whole tables. Their statements run in a thread of their own, because
// each would hold up the event loop, and with it every request, for as long as it takes.

import { Worker } from 'node:worker_threads';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
} from 'kysely';
import { SnakeCaseCompiler } from './driver.ts';

export interface Question {
  id: number;
  sql: string;
  parameters: readonly unknown[];
}

export interface Answer {
  id: number;
  rows?: unknown[];
  failure?: { message: string; errcode: number | undefined };
}

/** The built program has other endings. */
const script = import.meta.url.endsWith('.ts') ? './survey-thread.ts' : './survey-thread.js';

/** The thread, which begins with the first statement and again after it has died. */
class SurveyThread {
  readonly #file: string;
  readonly #asked = new Map<number, PromiseWithResolvers<unknown[]>>();
  #worker: Worker | null = null;
  #count = 0;

  constructor(file: string) {
    this.#file = file;
  }

  run(sql: string, parameters: readonly unknown[]): Promise<unknown[]> {
    this.#worker ??= this.#begin();
    const id = ++this.#count;
    const asked = Promise.withResolvers<unknown[]>();
    this.#asked.set(id, asked);
    // It keeps the process only while somebody waits for it.
    this.#worker.ref();
    this.#worker.postMessage({ id, sql, parameters } satisfies Question);
    return asked.promise;
  }

  #begin(): Worker {
    const worker = new Worker(new URL(script, import.meta.url), { workerData: this.#file });
    worker.on('message', ({ id, rows, failure }: Answer) => {
      const asked = this.#asked.get(id);
      this.#asked.delete(id);
      if (this.#asked.size === 0) worker.unref();
      if (failure) asked?.reject(Object.assign(new Error(failure.message), failure));
      else asked?.resolve(rows ?? []);
    });
    worker.on('error', (error) => this.#fail(worker, error));
    worker.on('exit', () => this.#fail(worker, new Error('the thread of surveys has ended')));
    return worker;
  }

  #fail(worker: Worker, error: unknown): void {
    if (this.#worker === worker) this.#worker = null;
    for (const asked of this.#asked.values()) asked.reject(error);
    this.#asked.clear();
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }
}

const readsOnly = async () => {
  throw new TypeError('a survey only reads');
};

class SurveyDriver implements Driver {
  readonly #thread: SurveyThread;

  constructor(thread: SurveyThread) {
    this.#thread = thread;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return {
      executeQuery: async <Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> => ({
        rows: (await this.#thread.run(sql, parameters)) as Row[],
      }),
      streamQuery: () => {
        throw new TypeError('a survey has no streams');
      },
    };
  }

  readonly beginTransaction = readsOnly;
  readonly commitTransaction = readsOnly;
  readonly rollbackTransaction = readsOnly;

  async releaseConnection(): Promise<void> {}

  destroy(): Promise<void> {
    return this.#thread.close();
  }
}

/** Connects Kysely to the thread, which reads a file of the store. */
export function surveyDialect(file: string): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new SurveyDriver(new SurveyThread(file)),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SnakeCaseCompiler(),
  };
}
