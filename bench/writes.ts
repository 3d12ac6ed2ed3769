// Measures the writes of a server on SQLite: signed installs, assignments of a thousand machines,
// and starts, on 64 connections to a server in a process of its own with the simulator. It compares
// them with durable inserts of node:sqlite alone. All alternate in one run, each on a fresh store.
// Type: npm run bench writes [-- --rounds N] [--connections N] [--only WAY] [--json]

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import type { LoadAnswer } from '../test/load/client.ts';
import { quantile } from '../test/load/figures.ts';
import { addMachines } from '../test/load/fleet.ts';
import { atRest, type UnderLoad, underLoad } from '../test/load/load.ts';
import { workedUs } from './processor.ts';
import { median, report, spread } from './report.ts';

const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '64' },
    only: { type: 'string', default: '' },
    json: { type: 'boolean' },
  },
});
const rounds = Number(given.rounds);
const connections = Number(given.connections);
/** A round begins after the server has compiled what it runs often. */
const warmUpMs = 1500;
const roundMs = 3000;
/** The most machines that one request may name. */
const assignedMax = 1000;
const startedMost = 20_000;

interface Round {
  perSecond: number;
  /** How long each answer took. */
  tookMs: number[];
  /**
   * The share of a processor that the callers used, so that one can see that they had time left.
   */
  callersShare: number;
  /** The processor time of the server for each answer, which other processes disturb less. */
  serverUs: number;
}

/**
 * Makes what the requests need. The result sends a request; null: there is nothing left to send.
 */
type Way = (on: UnderLoad) => Promise<(index: number) => Promise<LoadAnswer> | null>;

const machinesOn = (on: UnderLoad, count: number) =>
  on.withStore((store) => store.write('system', (work) => addMachines(work, count)));

async function madeImage(on: UnderLoad, name: string): Promise<number> {
  const { body } = await on.ask({ name: 'imageInstall', body: { software_ids: [1], name } });
  await atRest(on);
  return Number(body.attributes.id);
}

const ways: Record<string, Way> = {
  install: async (on) => (index) =>
    on.ask({ name: 'imageInstall', body: { software_ids: [1], name: `made ${index}` } }),
  async 'assign 1,000'(on) {
    const machine_ids = await machinesOn(on, assignedMax);
    const images = [await madeImage(on, 'one'), await madeImage(on, 'two')];
    return (index) =>
      on.ask({ name: 'imageAssign', id: images[index % 2] ?? 0, body: { machine_ids } });
  },
  async start(on) {
    const ids = await machinesOn(on, startedMost);
    return (index) => {
      const id = ids[index];
      return id === undefined ? null : on.ask({ name: 'machineStart', id });
    };
  },
};

async function bare(folder: string): Promise<number> {
  const program = new URL('./writes/bare.ts', import.meta.url).pathname;
  const args = [program, join(folder, 'bare.db'), String(roundMs)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return (Number(stdout) * 1000) / roundMs;
}

/** Sends requests on all connections for a round. Throws at the first answer that is a refusal. */
async function measure(way: Way, folder: string): Promise<Round> {
  const on = await underLoad(join(folder, 'data'), connections);
  // Ends the server also when this process is told to end.
  const end = () => process.kill(on.pid(), 'SIGKILL');
  process.once('exit', end);
  try {
    const send = await way(on);
    let next = 0;
    const during = async (ms: number): Promise<number[]> => {
      const tookMs: number[] = [];
      const until = performance.now() + ms;
      const caller = async () => {
        while (performance.now() < until) {
          const answered = await send(next++);
          if (answered === null) return;
          const { status, body } = answered;
          if (status !== 200) throw new Error(`${status} ${JSON.stringify(body).slice(0, 200)}`);
          tookMs.push(answered.ms);
        }
      };
      await Promise.all(Array.from({ length: connections }, caller));
      return tookMs;
    };
    await during(warmUpMs);
    const used = process.cpuUsage();
    const before = await workedUs(on.pid());
    const begun = performance.now();
    const tookMs = await during(roundMs);
    const passedMs = performance.now() - begun;
    const { user, system } = process.cpuUsage(used);
    return {
      perSecond: (tookMs.length * 1000) / passedMs,
      tookMs,
      callersShare: (user + system) / 1000 / passedMs,
      serverUs: ((await workedUs(on.pid())) - before) / tookMs.length,
    };
  } finally {
    await on.close();
    process.off('exit', end);
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

async function inFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'silversmith-writes-'));
  return work(folder).finally(() => rm(folder, { recursive: true, force: true }));
}

const chosen = Object.entries(ways).filter(([name]) => name.startsWith(given.only));
const bares: number[] = [];
const seen = new Map(chosen.map(([name]) => [name, [] as (Round & { ofBare: number })[]]));
for (let round = 0; round < rounds; round++)
  for (const [name, way] of chosen) {
    const beside = await inFolder(bare);
    bares.push(beside);
    const result = await inFolder((folder) => measure(way, folder));
    seen.get(name)?.push({ ...result, ofBare: result.perSecond / beside });
  }
const rows = [...seen].map(([what, results]) => {
  const each = (of: (one: (typeof results)[number]) => number) => results.map(of);
  const values = {
    'per second': median(each((one) => one.perSecond)),
    spread: spread(each((one) => one.perSecond)),
    '× bare': median(each((one) => one.ofBare)),
    'p50 ms': median(each((one) => quantile(one.tookMs, 0.5))),
    'p99 ms': median(each((one) => quantile(one.tookMs, 0.99))),
    'server µs': median(each((one) => one.serverUs)),
    'callers busy': median(each((one) => one.callersShare)),
  };
  return { what, values };
});
const bareValues = { 'per second': median(bares), spread: spread(bares), '× bare': 1 };
report(`writes, ${connections} connections`, [
  ...rows,
  { what: 'durable insert of node:sqlite', values: bareValues },
]);
