// A real server that dies at a step of its work. Its only argument says which, and how it is
// configured.

import type { Settings } from '../../src/reconcile/context.ts';
import type { TaskName } from '../../src/reconcile/tasks.ts';
import { parseConfig } from '../../src/server/options.ts';
import { type Interruption, interrupt } from './interrupt.ts';

export interface Order extends Omit<Interruption, 'root'> {
  dataDir: string;
  engine: 'qemu' | 'simulator';
  settings: Partial<Settings>;
  fromStart: boolean;
  /** What it does by itself, sooner than it would. */
  tasks: TaskName[];
}

const order = JSON.parse(process.argv[2] ?? '') as Order;
await interrupt({ at: order.at, cut: order.cut, root: order.dataDir }, order.fromStart);
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
    // A server that stops interrupts what it does.
    if (!closing) throw error;
  });
