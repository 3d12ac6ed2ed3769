// The program of the server that dies: a real server, unchanged, in which the system's verbs are
// wrapped before it is loaded. Its only argument is an Order as JSON.

import { AppError } from '../../src/domain/error.ts';
import type { Settings } from '../../src/reconcile/context.ts';
import type { TaskName } from '../../src/reconcile/tasks.ts';
import { parseConfig } from '../../src/server/options.ts';
import { waitFor } from '../support.ts';
import { type Interruption, interrupt } from './interrupt.ts';

export interface Order extends Omit<Interruption, 'root'> {
  dataDir: string;
  engine: 'qemu' | 'simulator';
  /** Null: the store is a file in the data directory. */
  databaseUrl: string | null;
  settings: Partial<Settings>;
  /** Steps count from the server's start, not from the first SIGUSR2. */
  fromStart: boolean;
  /** Tasks to run at once, in this order. */
  tasks: TaskName[];
}

const order = JSON.parse(process.argv[2] ?? '') as Order;
const { dataDir, engine, databaseUrl, settings, at, cut, database } = order;
await interrupt({ at, cut, database, root: dataDir }, order.fromStart);
// Imported only now, so that the server finds the wrapped verbs.
const { serve } = await import('../../src/server/serve.ts');
const config = parseConfig(
  {
    dataDir,
    engine,
    port: '0',
    logLevel: database === null ? 'error' : 'silent',
    simulatorSpeed: '0',
  },
  databaseUrl === null ? {} : { SILVERSMITH_DATABASE_URL: databaseUrl },
);
let closing = false;

/** A task may fail in several places at once. */
const isOutage = (error: unknown): boolean =>
  error instanceof AggregateError
    ? error.errors.every(isOutage)
    : error instanceof AppError && error.code === 'unavailable';

/**
 * Does something, and again when a crash of the database has failed it, as a manager of services
 * starts a server again and a timer runs a task again.
 */
async function withoutOutage<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  const { result } = await waitFor(
    what,
    () =>
      work().then(
        (result) => ({ result }),
        (error) => {
          const passes = database !== null && isOutage(error);
          if (!passes || closing) throw error;
          return null;
        },
      ),
    120_000,
    100,
  );
  return result;
}

const { url, reconciler, close } = await withoutOutage('the server starts', () =>
  serve({ ...config, settings }),
);
process.once('SIGTERM', () => {
  closing = true;
  void close();
});
process.stdout.write(`serves ${url}\n`);
for (const task of order.tasks)
  await withoutOutage(`${task} runs`, () => reconciler.task(task)).catch((error) => {
    // A server that stops interrupts its tasks.
    if (!closing) throw error;
  });
