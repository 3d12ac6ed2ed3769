// Measures how fast servers claim jobs and bring them to their end: one process each, on one queue.
// The limit to compare with is pgbench, which runs the statement that a claim needs at least.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type pg from 'pg';
import { waitFor } from '../../test/support.ts';
import { queueStops } from './fill.ts';
import type { WorkerResult } from './worker.ts';

const run = promisify(execFile);
const runMostMs = 120_000;
const workerFile = new URL('worker.ts', import.meta.url).pathname;

export interface JobsResult {
  seconds: number;
  /** Transactions that were committed, and that were undone, in the database meanwhile. */
  commits: number;
  rollbacks: number;
  workers: WorkerResult[];
}

const counters = async (client: pg.Client) => {
  // Backends report their counters when they have been idle for a second.
  await new Promise((resolve) => setTimeout(resolve, 1200));
  const { rows } = await client.query(`select xact_commit::int as commits,
    xact_rollback::int as rollbacks from pg_stat_database where datname = current_database()`);
  return rows[0] as { commits: number; rollbacks: number };
};

async function startWorker(url: string, mode: string, limit: number) {
  const child = spawn(process.execPath, [workerFile, url, mode, `${limit}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  await lines.next();
  return {
    go: () => child.stdin.write('go\n'),
    async end(): Promise<WorkerResult> {
      child.stdin.write('end\n');
      const { value } = await lines.next();
      await (child.exitCode === null && once(child, 'exit'));
      return JSON.parse(value ?? '{}') as WorkerResult;
    },
    kill: () => child.kill('SIGKILL'),
  };
}

/**
 * Queues `count` stops and lets `servers` processes take them. `claim`: until none is queued.
 * `drain`: until none is open. Each kind's limit is `limit`.
 */
export async function measureJobs(
  client: pg.Client,
  options: { url: string; mode: 'claim' | 'drain'; count: number; servers: number; limit: number },
): Promise<JobsResult> {
  const { url, mode, count, servers, limit } = options;
  await queueStops(client, count);
  const workers = await Promise.all(
    Array.from({ length: servers }, () => startWorker(url, mode, limit)),
  );
  try {
    const before = await counters(client);
    const states = mode === 'claim' ? `'queued'` : `'queued', 'running'`;
    const begun = performance.now();
    for (const worker of workers) worker.go();
    await waitFor(
      `${count} jobs are taken`,
      async () =>
        (await client.query(`select 1 from job where state in (${states}) limit 1`)).rowCount === 0,
      runMostMs,
      20,
    );
    const seconds = (performance.now() - begun) / 1000;
    const results = await Promise.all(workers.map((worker) => worker.end()));
    const after = await counters(client);
    return {
      seconds,
      commits: after.commits - before.commits,
      rollbacks: after.rollbacks - before.rollbacks,
      workers: results,
    };
  } finally {
    for (const worker of workers) worker.kill();
  }
}

/** One claim in one statement and one transaction. */
const bareClaim = `update job set state = 'running', lease_owner = 'pgbench', lease_until = 0,
  attempts = attempts + 1, updated_at = 0 where id in (select id from job
    where kind = 'machineStop' and state = 'queued' order by id limit 1 for update skip locked);
`;

/** Claims a second by `pgbench` with so many clients, which take `count` jobs together. */
export async function bareClaims(
  client: pg.Client,
  options: { url: string; bin: string; folder: string; clients: number; count: number },
): Promise<number> {
  const { url, bin, folder, clients, count } = options;
  await queueStops(client, count);
  const script = `${folder}/claim.sql`;
  await writeFile(script, bareClaim);
  const { stdout } = await run(`${bin}/pgbench`, [
    ...['-n', '-M', 'prepared', '-c', `${clients}`, '-j', '1', '-t', `${count / clients}`],
    ...['-f', script, url],
  ]);
  return Number(/tps = ([\d.]+)/.exec(stdout)?.[1]);
}
