// Measures a fleet on PostgreSQL: 100 organisations with up to 100,000 machines and 1,000,000
// images, which statements put into a real PostgreSQL that syncs to its disk. Prints how the
// figures grow with the size. docs/guide/scaling.md explains them. Type: npm run bench scale; names
// of sizes (small, medium, large) choose some of them.

import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { openPostgres } from '../src/store/postgres/open.ts';
import { startPostgres } from '../test/postgres/server.ts';
import type { Scope } from '../test/support.ts';
import { joinKeptCounts } from './kept-counts.ts';
import { fill, type Size } from './scale/fill.ts';
import { bareClaims, measureJobs } from './scale/jobs.ts';
import { measureAssign, measureContention, measurePages } from './scale/requests.ts';
import { startServer, writeSimulator } from './scale/server.ts';
import { measureTasks } from './scale/tasks.ts';

const sizes: Record<string, Size> = {
  small: { machines: 1000, images: 10_000 },
  medium: { machines: 10_000, images: 100_000 },
  large: { machines: 100_000, images: 1_000_000 },
};
const settings = [
  ...['fsync=on', 'synchronous_commit=on', 'full_page_writes=on', 'max_wal_size=8GB'],
  ...['shared_buffers=2GB', 'effective_cache_size=6GB', 'work_mem=32MB'],
  ...['maintenance_work_mem=512MB', 'random_page_cost=1.1'],
];
const serverCounts = [1, 2, 4, 8];
const contentionSeconds = 8;
/** As many stops at once as the default allows, and as a large cluster needs. */
const stopLimits = [16, 500];

const cleanups: (() => Promise<void>)[] = [];
const scope: Scope = { after: (cleanup) => void cleanups.push(cleanup) };
const say = (text: string) => process.stdout.write(`${text}\n`);
const sayLoad = () =>
  say(
    `  (load ${loadavg()
      .map((one) => one.toFixed(1))
      .join(' ')})`,
  );

async function measureQueues(client: pg.Client, url: string, { machines }: Size): Promise<void> {
  const counts = [100, 1000, 10_000].filter((count) => count <= machines);
  for (const count of counts)
    for (const servers of serverCounts)
      for (const limit of stopLimits) {
        const { seconds, commits, rollbacks, workers } = await measureJobs(client, {
          ...{ url, mode: 'drain', count, servers, limit },
        });
        const most = (of: (one: (typeof workers)[number]) => number) =>
          Math.max(...workers.map(of)).toFixed(0);
        say(
          `  ${count} jobs, ${servers} servers, ${limit} at once: ${(count / seconds).toFixed(0)} a second, ${(rollbacks / commits).toFixed(2)} undone for each commit; pass ${most((one) => one.passMedianMs)} ms, loop held ${most((one) => one.holdMostMs)} ms, ${most((one) => one.residentMb)} MB`,
        );
      }
}

async function measureClaims(client: pg.Client, url: string, folder: string): Promise<void> {
  const bin = '/usr/lib/postgresql/15/bin';
  for (const servers of serverCounts) {
    const bare = await bareClaims(client, { url, bin, folder, clients: servers, count: 1000 });
    const { seconds } = await measureJobs(client, {
      ...{ url, mode: 'claim', count: 1000, servers, limit: 100_000 },
    });
    say(
      `  1000 claims, ${servers} servers: ${(1000 / seconds).toFixed(0)} a second; pgbench, a transaction for each: ${bare.toFixed(0)}`,
    );
  }
}

async function measureRequests(client: pg.Client, url: string, folder: string, size: Size) {
  await mkdir(join(folder, 'without'), { recursive: true });
  const query = async (text: string) => (await client.query(text)).rows;
  await writeSimulator(query, join(folder, 'simulator'));
  const one = await startServer(scope, url, join(folder, 'one'), join(folder, 'simulator'));
  await measurePages(one, size, say);
  await measureAssign(client, one, say);
  await measureTasks(one, say);
  await cp(join(folder, 'one'), join(folder, 'two'), { recursive: true });
  const two = await startServer(scope, url, join(folder, 'two'), join(folder, 'without'));
  const collect = () => one.service.reconciler.task('collect');
  for (const organisations of ['one', 'each'] as const)
    for (const beside of [undefined, collect]) {
      const result = await measureContention(client, [one, two], {
        ...{ organisations, seconds: contentionSeconds, ...(beside && { beside }) },
      });
      say(
        `  8 callers of ${organisations === 'one' ? 'one organisation' : 'an organisation each'}${beside ? ', beside the collector' : ''}: ${result.perSecond.toFixed(0)} assignments a second, p50 ${result.p50.toFixed(0)} ms, p99 ${result.p99.toFixed(0)} ms, ${result.undone.toFixed(2)} undone for each, ${result.errors.length} errors`,
      );
    }
}

const folder = await mkdtemp(join(tmpdir(), 'silversmith-scale-'));
const wanted = process.argv.slice(2);
try {
  const server = await startPostgres(scope, settings);
  for (const [name, size] of Object.entries(sizes)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const begun = performance.now();
    const url = await server.database();
    await (await openPostgres({ url })).close();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await fill(client, size);
    const store = await openPostgres({ url });
    await joinKeptCounts(store);
    await store.close();
    say(
      `${name}: ${size.machines} machines, ${size.images} images; filled in ${((performance.now() - begun) / 1000).toFixed(0)} s`,
    );
    sayLoad();
    await measureRequests(client, url, join(folder, name), size);
    await measureClaims(client, url, folder);
    await measureQueues(client, url, size);
    sayLoad();
    await client.end();
  }
} finally {
  for (const cleanup of cleanups.reverse()) await cleanup();
  await rm(folder, { recursive: true, force: true });
}
