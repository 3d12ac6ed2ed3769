// Measures how long the event loop of a server stands still at most, for each operation and task on
// a large fleet. The server, its store and the simulator are in this process, so what the simulator
// takes counts too. Each row is the best of several rounds. Processor time is that of the thread in
// the longest turn of the loop, which other work on the machine does not change.
// Type: npm run bench loop [-- --images N] [--machines N] [--rounds N] [--store postgres] [--json]

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { systemClock } from '../src/lib/clock.ts';
import { openPostgres } from '../src/store/postgres/open.ts';
import { storeFile } from '../src/store/sqlite/database.ts';
import { openSqlite } from '../src/store/sqlite/open.ts';
import { startPostgres } from '../test/postgres/server.ts';
import { defer, type Scope } from '../test/support.ts';
import { joinKeptCounts } from './kept-counts.ts';
import { LoopProbe } from './loop/probe.ts';
import { type Round, worksOn } from './loop/works.ts';
import { type Row, report } from './report.ts';
import { fill, fillSqlite, type Size } from './scale/fill.ts';
import { type Query, serverOn, writeSimulator } from './scale/server.ts';

const { values: given } = parseArgs({
  options: {
    images: { type: 'string', default: '100000' },
    machines: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '3' },
    store: { type: 'string', default: 'sqlite' },
    only: { type: 'string' },
    json: { type: 'boolean' },
  },
});
const size: Size = { images: Number(given.images), machines: Number(given.machines) };
/** All machines are of one organisation, so that one request can undo all. */
const ofOne = ['update machine set organisation_id = 1', 'update disk set organisation_id = 1'];
const goalMs = 20;

const cleanups: (() => Promise<void>)[] = [];
const scope: Scope = { after: (cleanup) => void cleanups.push(cleanup) };
const folder = await mkdtemp(join(tmpdir(), 'silversmith-bench-'));
const probe = new LoopProbe();

/** The filled store, which is not open yet, and a way to ask it. */
async function filledSqlite(dataDir: string) {
  await (await openSqlite({ dataDir, now: systemClock.now })).close();
  fillSqlite(dataDir, size);
  const database = new DatabaseSync(storeFile(dataDir));
  for (const text of ofOne) database.exec(text);
  const query: Query = async (text) => database.prepare(text).all();
  await writeSimulator(query, dataDir);
  database.close();
  const store = await openSqlite({ dataDir, now: systemClock.now, onQuery: probe.onQuery });
  return { store, clock: systemClock };
}

async function filledPostgres(dataDir: string) {
  const url = await (await startPostgres(scope)).database();
  await (await openPostgres({ url })).close();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await fill(client, size);
  for (const text of [...ofOne, 'vacuum analyze']) await client.query(text);
  await writeSimulator(async (text) => (await client.query(text)).rows, dataDir);
  await client.end();
  const store = await openPostgres({ url, onQuery: probe.onQuery });
  await joinKeptCounts(store);
  return { store, clock: store.clock };
}

/** A statement in a few words: what it begins with and its first table. */
function short(statement: string): string {
  const [verb = ''] = statement.trim().split(/\s/);
  const table = /\b(?:from|into|update)\s+"?(\w+)/.exec(statement)?.[1];
  return table ? `${verb} ${table}` : verb;
}

function rowOf(what: string, rounds: readonly Round[]): Row {
  const [best] = rounds.toSorted((one, other) => one.processorMs - other.processorMs);
  const { processorMs = 0, heldMs = 0, tookMs = 0, statement = '', statementMs = 0 } = best ?? {};
  const by = statementMs > processorMs / 2 ? `${short(statement)}` : '';
  return {
    what,
    values: {
      'processor ms': processorMs,
      'held ms': Math.min(...rounds.map((one) => one.heldMs), heldMs),
      'whole ms': tookMs,
      goal: processorMs > goalMs ? `≤ ${goalMs}, missed` : `≤ ${goalMs}`,
      'mostly a statement': by,
    },
  };
}

try {
  const dataDir = join(folder, 'data');
  await mkdir(dataDir);
  const filled = given.store === 'postgres' ? filledPostgres : filledSqlite;
  const { store, clock } = await filled(dataDir);
  defer(scope, () => store.close());
  const server = await serverOn(scope, store, clock, { dataDir, simulator: dataDir });
  const rows: Row[] = [];
  for (const { what, run, prepare } of worksOn(server, size)) {
    if (given.only !== undefined && !what.includes(given.only)) continue;
    const rounds: Round[] = [];
    for (let round = 0; round < Number(given.rounds); round++) {
      await prepare?.();
      rounds.push(await probe.watch(run));
    }
    rows.push(rowOf(what, rounds));
    const { heldMs, processorMs } = rounds[0] ?? { heldMs: 0, processorMs: 0 };
    process.stderr.write(`${what}: ${processorMs.toFixed(1)} of ${heldMs.toFixed(1)} ms\n`);
  }
  report(`the event loop, ${given.store}, ${size.images} images, ${size.machines} machines`, rows);
} finally {
  for (const cleanup of cleanups.reverse()) await cleanup();
  await rm(folder, { recursive: true, force: true });
}
