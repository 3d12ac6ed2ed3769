// Measures a server at rest on a large store: how long it takes to start, its memory, its part of a
// core, and /metrics. The limit of the start is that of the same program with an empty store, and
// of /metrics an empty answer of the same server; both are measured in the same run.
// Type: npm run bench rest [-- --images N] [--machines N] [--seconds N] [--json]

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { demoServer } from '../test/demo-server.ts';
import { residentMbOf } from '../test/load/load.ts';
import { workedUs } from './processor.ts';
import { fill } from './reads/fill.ts';
import { median, report } from './report.ts';

const { values: given } = parseArgs({
  options: {
    images: { type: 'string', default: '1000000' },
    machines: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '60' },
    json: { type: 'boolean' },
  },
});
const starts = 3;

const folder = await mkdtemp(join(tmpdir(), 'silversmith-bench-'));
const dataDir = join(folder, 'data');
const server = demoServer(dataDir);

async function started(): Promise<number> {
  const begun = performance.now();
  await server.start();
  return performance.now() - begun;
}

/** Starts some times, and leaves the last server running. */
async function startedOften(): Promise<number> {
  const tookMs = [await started()];
  while (tookMs.length < starts) {
    await server.end('SIGTERM');
    tookMs.push(await started());
  }
  return median(tookMs);
}

async function medianMs(path: string): Promise<number> {
  const tookMs: number[] = [];
  for (let round = 0; round < 20; round++) {
    const begun = performance.now();
    const answer = await fetch(server.url() + path);
    if (answer.status !== 200) throw new Error(`${path} answers ${answer.status}`);
    await answer.arrayBuffer();
    tookMs.push(performance.now() - begun);
  }
  return median(tookMs);
}

async function figures(startMs: number) {
  await sleep(5000);
  const before = await workedUs(server.pid());
  await sleep(Number(given.seconds) * 1000);
  return {
    'start ms': startMs,
    'resident MB': await residentMbOf(server.pid()),
    '% of a core': ((await workedUs(server.pid())) - before) / (Number(given.seconds) * 10_000),
    '/metrics ms': await medianMs('/metrics'),
    '/healthz ms': await medianMs('/healthz'),
  };
}

try {
  await started();
  await server.end('SIGTERM');
  const empty = await figures(await startedOften());
  await server.end('SIGTERM');
  fill(dataDir, { images: Number(given.images), machines: Number(given.machines) });
  const full = await figures(await startedOften());
  report('a server at rest', [
    { what: 'empty', values: empty },
    { what: `${given.images} images, ${given.machines} machines`, values: full },
  ]);
} finally {
  await server.end('SIGTERM');
  await rm(folder, { recursive: true, force: true });
}
