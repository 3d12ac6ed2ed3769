// Measures builds in real machines under this host's accelerator: a list of software, the list with
// one more title, the same list again, and two other lists at once. Each is a ratio to a build of
// one step in the same round. It tells too how many processors worked for the server and its guests,
// and how many had nothing to do. As root it measures on XFS too.
// Type: npm run bench builds [-- --rounds N] [--json]

import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startServer } from '../test/qemu/server.ts';
import type { Scope } from '../test/support.ts';
import { idleMs, type Meter, openMeter } from './processor.ts';
import { median, type Row, report } from './report.ts';
import { fileSystemOf, onXfs } from './xfs.ts';

const { values: given } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, json: { type: 'boolean' } },
});
const rounds = Number(given.rounds);
const titlesPerRound = 5;

interface Taken {
  ms: number;
  /** Processors at work for the server and its guests, on average. */
  busy: number;
  /** Processors of the host without any work. */
  idle: number;
}

const script = (index: number) => `head -c 20000000 /dev/urandom > /opt/title-${index}\n`;

async function measure(folder: string, meter: Meter | null): Promise<Row[]> {
  const cleanups: (() => Promise<void>)[] = [];
  const scope: Scope = { after: (cleanup) => void cleanups.push(cleanup) };
  const taken = new Map<string, Taken[]>();
  try {
    const titles = Array.from({ length: rounds * titlesPerRound }, (_, index) => ({
      name: `Title ${index}`,
      script: script(index),
    }));
    const s = await startServer(scope, titles, { dataDir: join(folder, 'data') });
    const install = async (software: number[]) => {
      const { attributes } = await s.client().imageInstall({ software_ids: software });
      const { status } = await s.image(attributes.id);
      if (status !== 'available') throw new Error(`the image is ${status}`);
    };
    const take = async (what: string, ...lists: number[][]) => {
      const workedMs = async () => (await meter?.workedMs()) ?? Number.NaN;
      const [worked, idle, start] = [await workedMs(), await idleMs(), performance.now()];
      await Promise.all(lists.map(install));
      const ms = performance.now() - start;
      const one = {
        ms,
        busy: ((await workedMs()) - worked) / ms,
        idle: ((await idleMs()) - idle) / ms,
      };
      taken.set(what, [...(taken.get(what) ?? []), one]);
    };
    for (let round = 0; round < rounds; round++) {
      const first = round * titlesPerRound;
      const [a = 0, b = 0, c = 0, d = 0, e = 0] = s.software.slice(first, first + titlesPerRound);
      await take('one title, new', [a]);
      await take('two titles, one of them new', [a, b]);
      await take('the same list again', [a, b]);
      await take('one more title', [a, b, c]);
      await take('two lists at once, new', [d], [e]);
    }
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
  return rowsOf(fileSystemOf(folder), taken);
}

function rowsOf(fileSystem: string, taken: ReadonlyMap<string, readonly Taken[]>): Row[] {
  const [one = []] = taken.values();
  return [...taken].map(([what, values]) => ({
    what: `${fileSystem}: ${what}`,
    values: {
      ms: median(values.map(({ ms }) => ms)),
      '× one step': median(values.map(({ ms }, round) => ms / (one[round]?.ms ?? Number.NaN))),
      'processors at work': median(values.map(({ busy }) => busy)),
      'processors idle': median(values.map(({ idle }) => idle)),
    },
  }));
}

const folder = await mkdtemp(join(tmpdir(), 'silversmith-bench-'));
const meter = await openMeter();
try {
  const rows = await measure(folder, meter);
  if (process.getuid?.() === 0)
    rows.push(...(await onXfs(folder, (mounted) => measure(mounted, meter))));
  report(`builds, ${cpus().length} processors`, rows);
} finally {
  await meter?.close();
  await rm(folder, { recursive: true, force: true });
}
