// One server of the measurement of jobs: a store and a reconciler, in a process of its own. It
// waits for a line on its standard input, makes passes until no job is left, and prints what it
// did.
//
// The engine does nothing, so that what is measured is the store and the loop. In the mode `claim`
// its calls never end, so that jobs are only claimed; in the mode `drain` they end at once.

import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { noLog } from '../../src/lib/log.ts';
import { noTracer } from '../../src/lib/trace.ts';
import { defaultSettings } from '../../src/reconcile/context.ts';
import { Reconciler } from '../../src/reconcile/loop.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';

export interface WorkerResult {
  /** Jobs that were done, and attempts that ended in another way. */
  done: number;
  other: number;
  /** Passes that threw. */
  failed: number;
  passes: number;
  passMedianMs: number;
  passMostMs: number;
  /** The longest that the event loop was held. */
  holdMostMs: number;
  residentMb: number;
}

const [, , url = '', mode = '', limit = ''] = process.argv;
const passMs = 1000;

const store = await openPostgres({ url });
const engine = {
  name: 'none',
  stopMachine: () => (mode === 'claim' ? new Promise<void>(() => {}) : Promise.resolve()),
};
const ended = { done: 0, other: 0 };
let wake = () => {};
const reconciler = new Reconciler({
  store,
  engine,
  clock: store.clock,
  settings: {
    ...defaultSettings,
    limits: { ...defaultSettings.limits, machineStop: Number(limit) },
  },
  log: noLog,
  tracer: noTracer,
  meter: {
    attempted(_kind: string, outcome: string) {
      ended[outcome === 'done' ? 'done' : 'other']++;
      wake();
    },
    waited() {},
    verbEnded() {},
    passed() {},
    taskDone() {},
  },
} as unknown as ConstructorParameters<typeof Reconciler>[0]);

process.stdout.write('ready\n');
await once(process.stdin, 'data');
let isOver = false;
const over = once(process.stdin, 'data').then(() => {
  isOver = true;
  wake();
});
const hold = monitorEventLoopDelay({ resolution: 10 });
hold.enable();
const passes: number[] = [];
let failed = 0;
while (!isOver) {
  const woken = new Promise<void>((resolve) => {
    wake = resolve;
    setTimeout(resolve, passMs).unref();
  });
  const begun = performance.now();
  await reconciler.pass().catch(() => failed++);
  passes.push(performance.now() - begun);
  await Promise.race([woken, over]);
}
passes.sort((one, other) => one - other);
const result: WorkerResult = {
  ...ended,
  failed,
  passes: passes.length,
  passMedianMs: passes[passes.length >> 1] ?? 0,
  passMostMs: passes.at(-1) ?? 0,
  holdMostMs: hold.max / 1e6,
  residentMb: process.memoryUsage().rss / 2 ** 20,
};
// The jobs that never end would keep the process from ending.
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
