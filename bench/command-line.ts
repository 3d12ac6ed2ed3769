// Measures how long a command takes from its start to its end, against an empty program of the same
// Node. All alternate in one run, so that what else the host does weighs on all of them; each
// figure is a ratio within this run. A server on the simulator answers the commands, in a process
// of its own. Type: npm run bench command-line [-- --runs 40] [--installed FILE] [--json]
// With --installed, the program that npm has installed there is measured beside the checkout.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { createClient } from '../src/client/client.ts';
import { waitForImage } from '../src/client/wait.ts';
import { demoKey, demoServer } from '../test/demo-server.ts';
import { quantile } from '../test/load/figures.ts';
import { entry } from '../test/server-process.ts';
import { report } from './report.ts';

/** As many as a page shows. */
const imageCount = 20;
const runsMax = 10_000;

interface Case {
  name: string;
  args: readonly string[];
  /** The most that it may take, as a multiple of the empty program. */
  goal?: number;
  environment?: Record<string, string>;
  /** Whether what was printed is the answer to what was asked. */
  isRight: (out: string) => boolean;
}

const listsImages = (out: string) => out.split('\n').filter((line) => /^\d/.test(line)).length;
const ours = (entry: string, where: string): Case[] => [
  {
    name: `silversmith --help${where}`,
    args: [entry, '--help'],
    goal: 2.5,
    isRight: (out) => /^Usage: silversmith/.test(out),
  },
  {
    name: `silversmith image list${where}`,
    args: [entry, 'image', 'list'],
    goal: 4,
    isRight: (out) => listsImages(out) === imageCount,
  },
  {
    name: `image list without compiled code${where}`,
    args: [entry, 'image', 'list'],
    environment: { NODE_DISABLE_COMPILE_CACHE: '1' },
    isRight: (out) => listsImages(out) === imageCount,
  },
];
const inCheckout: readonly Case[] = [
  { name: 'node -e 0', args: ['-e', '0'], isRight: (out) => out === '' },
  ...ours(entry, ''),
  {
    name: 'silversmith machine list --json',
    args: [entry, 'machine', 'list', '--json'],
    isRight: (out) => JSON.parse(out).machines.length > 0,
  },
];

/** Runs a program to its end, and resolves to the time that it took, in ms. */
async function timed(one: Case, env: Record<string, string | undefined>): Promise<number> {
  const start = performance.now();
  const { stdout } = await promisify(execFile)(process.execPath, one.args, {
    env: { ...env, ...one.environment },
  });
  const took = performance.now() - start;
  if (!one.isRight(stdout)) throw new Error(`${one.name} printed: ${stdout}`);
  return took;
}

/** Makes the images that are listed. */
async function fill(url: string, dataDir: string): Promise<void> {
  const client = createClient({ url, ...(await demoKey(dataDir)) });
  for (let made = 0; made < imageCount; made++) {
    const { attributes } = await client.imageInstall({ name: `Image ${made}` });
    const { attributes: image } = await waitForImage(client, attributes.id, { limitMs: 60_000 });
    if (image.status !== 'available') throw new Error(`an image is ${image.status}`);
  }
}

function rowsOf(tookMs: ReadonlyMap<Case, readonly number[]>) {
  const figures = [...tookMs].map(([{ name, goal }, values]) => ({
    name,
    goal: goal ?? null,
    medianMs: quantile(values, 0.5),
    p10Ms: quantile(values, 0.1),
    p90Ms: quantile(values, 0.9),
    fastestMs: Math.min(...values),
  }));
  const empty = figures[0];
  if (empty === undefined) throw new Error('nothing was measured');
  return figures.map((row) => ({
    ...row,
    ratio: row.medianMs / empty.medianMs,
    ratioOfFastest: row.fastestMs / empty.fastestMs,
  }));
}

async function measure(
  dataDir: string,
  folder: string,
  { runs, cases }: { runs: number; cases: readonly Case[] },
) {
  const env = {
    PATH: process.env.PATH,
    SILVERSMITH_DATA_DIR: dataDir,
    XDG_CACHE_HOME: join(folder, 'cache'),
  };
  // The first start compiles, and keeps what it has compiled.
  for (const one of cases) await timed(one, env);
  const tookMs = new Map(cases.map((one) => [one, [] as number[]]));
  for (let run = 0; run < runs; run++)
    for (const [one, values] of tookMs) values.push(await timed(one, env));
  return rowsOf(tookMs);
}

const { values: given } = parseArgs({
  options: {
    runs: { type: 'string', default: '40' },
    installed: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const runs = Number(given.runs);
if (!Number.isInteger(runs) || runs < 1 || runs > runsMax)
  throw new Error(`--runs is ${given.runs}; give a whole number from 1 to ${runsMax}`);
const { installed } = given;
const cases = [...inCheckout, ...(installed ? ours(installed, ', installed') : [])];
const folder = await mkdtemp(join(tmpdir(), 'silversmith-bench-'));
const dataDir = join(folder, 'data');
const server = demoServer(dataDir);
try {
  await server.start();
  await fill(server.url(), dataDir);
  report(
    `the command line, ${runs} starts each`,
    (await measure(dataDir, folder, { runs, cases })).map((row) => ({
      what: row.name,
      values: {
        'median ms': row.medianMs,
        '10 %': row.p10Ms,
        '90 %': row.p90Ms,
        fastest: row.fastestMs,
        '× empty': row.ratio,
        'fastest ×': row.ratioOfFastest,
        goal: row.goal === null ? '' : `≤ ${row.goal}`,
      },
    })),
  );
} finally {
  await server.end('SIGTERM');
  await rm(folder, { recursive: true, force: true });
}
