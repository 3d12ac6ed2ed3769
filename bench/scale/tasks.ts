// Measures the tasks of a server on a filled database: how long each runs, how long it holds the
// event loop, and how large the process becomes.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { withoutJob } from '../../src/engine/port/call.ts';
import { type TaskName, taskNames } from '../../src/reconcile/tasks.ts';
import type { Server } from './server.ts';

const residentMb = () => process.memoryUsage().rss / 2 ** 20;

interface Watched {
  ms: number;
  holdMostMs: number;
  residentMb: number;
}

async function watched(work: () => Promise<unknown>): Promise<Watched> {
  const hold = monitorEventLoopDelay({ resolution: 5 });
  hold.enable();
  // The first reading of the monitor is its own start.
  await new Promise((resolve) => setTimeout(resolve, 50));
  hold.reset();
  const begun = performance.now();
  await work();
  const ms = performance.now() - begun;
  // The monitor sees a hold when the loop turns again.
  await new Promise((resolve) => setTimeout(resolve, 50));
  hold.disable();
  return { ms, holdMostMs: hold.max / 1e6, residentMb: residentMb() };
}

const shown = ({ ms, holdMostMs, residentMb: mb }: Watched) =>
  `${ms.toFixed(0)} ms, the loop held ${holdMostMs.toFixed(0)} ms at most, ${mb.toFixed(0)} MB`;

/** Prints each task's figures, and those of the engine's part of it. */
export async function measureTasks(
  { service: { reconciler }, engine, store }: Server,
  say: (text: string) => void,
): Promise<void> {
  say(`  at rest: ${residentMb().toFixed(0)} MB`);
  const call = withoutJob();
  say(`  the simulator's inventory alone: ${shown(await watched(() => engine.inventory(call)))}`);
  const run = async (name: TaskName) => {
    try {
      say(`  ${name}: ${shown(await watched(() => reconciler.task(name)))}`);
    } catch (error) {
      say(`  ${name}: failed: ${String(error)}`);
    }
  };
  for (const name of taskNames) {
    await run(name);
    await run(name);
  }
  const counts = await watched(() => store.read('system', (work) => work.counts()));
  say(`  counts for /metrics: ${shown(counts)}`);
}
