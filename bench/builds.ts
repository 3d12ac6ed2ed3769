// Measures builds in real machines under this host's accelerator: a list of software, the same list
// again, the list with one more title, and two other lists at once. Each is a ratio to a build of
// one step in the same run. Type: npm run bench builds [-- --json]

import { startServer } from '../test/qemu/server.ts';
import type { Scope } from '../test/support.ts';
import { type Row, report } from './report.ts';

const cleanups: (() => Promise<void>)[] = [];
const scope: Scope = { after: (cleanup) => void cleanups.push(cleanup) };

try {
  const script = (name: string) => `head -c 20000000 /dev/urandom > /opt/${name}\n`;
  const titles = ['one', 'two', 'three', 'four', 'five'].map((name) => ({
    name,
    script: script(name),
  }));
  const s = await startServer(scope, titles);
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = s.software;
  const install = async (software: number[]) => {
    const start = performance.now();
    const { attributes } = await s.client().imageInstall({ software_ids: software });
    const { status } = await s.image(attributes.id);
    if (status !== 'available') throw new Error(`the image is ${status}`);
    return performance.now() - start;
  };
  const one = await install([a]);
  const row = (what: string, ms: number): Row => ({ what, values: { ms, '× one step': ms / one } });
  const rows = [
    row('one title, new', one),
    row('two titles, one of them new', await install([a, b])),
    row('the same list again', await install([a, b])),
    row('one more title', await install([a, b, c])),
    row('two lists at once, new', Math.max(...(await Promise.all([install([d]), install([e])])))),
  ];
  report('builds', rows);
} finally {
  for (const cleanup of cleanups.reverse()) await cleanup();
}
