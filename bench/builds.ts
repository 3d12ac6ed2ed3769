// Measures the build cache: a list of software, the same list again, and the list with one more
// title. Runs on real machines under this host's accelerator, and prints ratios within this run.
// Type: npm run bench

import { startServer } from '../test/qemu/server.ts';
import type { Scope } from '../test/support.ts';

const cleanups: (() => Promise<void>)[] = [];
const scope: Scope = { after: (cleanup) => void cleanups.push(cleanup) };
const say = (text: string) => process.stdout.write(`${text}\n`);

try {
  const script = (name: string) => `head -c 20000000 /dev/urandom > /opt/${name}\n`;
  const titles = ['one', 'two', 'three'].map((name) => ({ name, script: script(name) }));
  const s = await startServer(scope, titles);
  const [a = 0, b = 0, c = 0] = s.software;
  const install = async (software: number[]) => {
    const start = performance.now();
    const { attributes } = await s.client().imageInstall({ software_ids: software });
    const { status } = await s.image(attributes.id);
    if (status !== 'available') throw new Error(`the image is ${status}`);
    return performance.now() - start;
  };
  const first = await install([a, b]);
  const again = await install([a, b]);
  const more = await install([a, b, c]);
  say(`two titles, new: ${first.toFixed(0)} ms, ${(first / 2).toFixed(0)} ms a step`);
  say(`the same list again: ${again.toFixed(0)} ms: ${(again / first).toFixed(3)} ×`);
  say(`one more title: ${more.toFixed(0)} ms: ${(more / (first / 2)).toFixed(2)} × one step`);
} finally {
  for (const cleanup of cleanups.reverse()) await cleanup();
}
