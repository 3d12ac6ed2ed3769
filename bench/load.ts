// Measures a server under load: 64 connections for minutes with a mix of reads and writes, and a
// fleet that is assigned and started. It compares with the same server on one connection, and
// memory with that at the start. Type: npm run bench; a number of seconds sets how long.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quantile, slope } from '../test/load/figures.ts';
import { runFleet } from '../test/load/fleet.ts';
import { holdUp } from '../test/load/hold-up.ts';
import { underLoad } from '../test/load/load.ts';
import { runMix } from '../test/load/mix.ts';

const seconds = Number(process.argv[2] ?? 180);
const connections = 64;
const machines = 1000;
const say = (text: string) => process.stdout.write(`${text}\n`);
const folder = await mkdtemp(join(tmpdir(), 'silversmith-'));
const on = await underLoad(join(folder, 'data'), connections);
let release = () => {};
try {
  const percentiles = (values: readonly number[]) =>
    [0.5, 0.99].map((part) => `p${part * 100} ${quantile(values, part).toFixed(1)} ms`).join(', ');
  const one = await runMix(on, 1, 10);
  say(`1 connection: reads ${percentiles(one.reads)}; writes ${percentiles(one.writes)}`);
  release = await holdUp(on, 20);
  const many = await runMix(on, connections, seconds);
  const perSecond = ({ reads, writes, seconds: over }: typeof many) =>
    (reads.length + writes.length) / over;
  say(
    `${connections} connections for ${seconds} s, beside 60 that hold it up: ${many.errors.length} errors`,
  );
  say(`  reads ${percentiles(many.reads)}; writes ${percentiles(many.writes)}`);
  const ratio = perSecond(many) / perSecond(one);
  say(`  ${perSecond(many).toFixed(0)} answers a second, ${ratio.toFixed(2)} × one connection's`);
  const [, first = 0] = many.memory[0] ?? [];
  const settled = many.memory.slice(Math.floor(many.memory.length / 3));
  const most = Math.max(...settled.map(([, mb]) => mb));
  say(
    `  memory ${first.toFixed(0)} MB at the beginning, ${most.toFixed(0)} MB at most: ${(most / first).toFixed(2)} ×; ${slope(settled).toFixed(2)} MB a minute over the last two thirds`,
  );
  const fleet = await runFleet(on, machines);
  say(
    `${machines} machines: assigned by one request in ${fleet.assignMs.toFixed(0)} ms; ${fleet.errors.length} errors`,
  );
  say(
    `  all ready after ${(fleet.readyMs / 1000).toFixed(1)} s, ${fleet.startingMost} starting at once; reads ${percentiles(fleet.reads)}`,
  );
  for (const error of [...many.errors, ...fleet.errors].slice(0, 20)) say(error);
  if (many.errors.length + fleet.errors.length > 0) process.exitCode = 1;
} finally {
  release();
  await on.close();
  await rm(folder, { recursive: true, force: true });
}
