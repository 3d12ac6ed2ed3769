// npm run soak [-- [--power] [KILLS [SEED]]]: the long soak. It makes 200 kills, or as many as are
// given; with --power it cuts the power as often (as root, on a host with loop devices). Exits with
// 1 when a promise does not hold, and keeps the data then.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cuttableDisk } from '../power.ts';
import { runSoak } from './soak.ts';

const { values, positionals } = parseArgs({
  options: { power: { type: 'boolean' } },
  allowPositionals: true,
});
const [kills = 200, seed = Date.now() % 100_000] = positionals.map(Number);
const aside = await mkdtemp(join(tmpdir(), 'silversmith-soak-'));
const cleanups: (() => Promise<void>)[] = [];
const disk = values.power
  ? await cuttableDisk({ after: (cleanup) => void cleanups.push(cleanup) }, 4096)
  : null;
const folder = disk?.folder ?? aside;
process.stdout.write(`soak: ${kills} ${disk ? 'power cuts' : 'kills'}, seed ${seed}\n`);
const result = await runSoak({
  folder,
  aside,
  ...(disk && { afterKill: disk.cut }),
  seed,
  kills,
  clients: 6,
  say: (line) => process.stdout.write(`soak: ${line}\n`),
});
const { calls, repeated, problems } = result;
process.stdout.write(
  `soak: ${calls} answers, ${result.kills} kills, ${repeated} calls were repeated\n`,
);
for (const problem of problems) process.stdout.write(`  ${problem}\n`);
process.stdout.write(
  problems.length === 0 ? 'soak: all holds\n' : `soak: ${problems.length} problems, in ${folder}\n`,
);
if (problems.length === 0) {
  for (const cleanup of cleanups) await cleanup();
  await rm(aside, { recursive: true });
}
process.exitCode = problems.length === 0 ? 0 : 1;
