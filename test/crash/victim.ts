// The program of the server that dies: a real server, unchanged, in which the system's verbs are
// wrapped before it is loaded. Its only argument is an Order as JSON.

import type { Settings } from '../../src/reconcile/context.ts';
import type { TaskName } from '../../src/reconcile/tasks.ts';
import { parseConfig } from '../../src/server/options.ts';
import { type Interruption, interrupt } from './interrupt.ts';

export interface Order extends Omit<Interruption, 'root'> {
  dataDir: string;
  engine: 'qemu' | 'simulator';
  settings: Partial<Settings>;
  /** Steps count from the server's start, not from the first SIGUSR2. */
  fromStart: boolean;
  /** Tasks to run at once, in this order. */
  tasks: TaskName[];
}

const order = JSON.parse(process.argv[2] ?? '') as Order;
await interrupt({ at: order.at, cut: order.cut, root: order.dataDir }, order.fromStart);
// Imported only now, so that the server finds the wrapped verbs.
const { serve } = await import('../../src/server/serve.ts');
const { dataDir, engine, settings } = order;
const config = parseConfig(
  { dataDir, engine, port: '0', logLevel: 'error', simulatorSpeed: '0' },
  {},
);
const { url, reconciler, close } = await serve({ ...config, settings });
let closing = false;
process.once('SIGTERM', () => {
  closing = true;
  void close();
});
process.stdout.write(`serves ${url}\n`);
for (const task of order.tasks)
  await reconciler.task(task).catch((error) => {
    // A server that stops interrupts its tasks.
    if (!closing) throw error;
  });
