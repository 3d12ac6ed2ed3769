// npm run soak [-- [--power | --house] [KILLS [SEED]]]: the long soak. It makes 200 kills, or as
// many as are given; with --power it cuts the power as often (as root, on a host with loop
// devices); with
// --house it kills servers, PostgreSQL, and daemons and members of a cluster (as root). Exits with
// 1 when a promise does not hold, and keeps the data then.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cuttableDisk } from '../power.ts';
import { chosenAtRandom, runHouse } from './house.ts';
import { runSoak } from './soak.ts';

const { values, positionals } = parseArgs({
  options: { power: { type: 'boolean' }, house: { type: 'boolean' } },
  allowPositionals: true,
});
const [kills = 200, seed = Date.now() % 100_000] = positionals.map(Number);
const aside = await mkdtemp(join(tmpdir(), 'silversmith-soak-'));
const cleanups: (() => Promise<void>)[] = [];
const scope = { after: (cleanup: () => Promise<void>) => void cleanups.push(cleanup) };
const say = (line: string) => void process.stdout.write(`soak: ${line}\n`);
const disk = values.power ? await cuttableDisk(scope, 4096) : null;
const folder = disk?.folder ?? aside;
const deaths = disk ? 'power cuts' : 'kills';
say(`${kills} ${deaths}, seed ${seed}`);
const result = values.house
  ? await runHouse(scope, { seed, clients: 4, say, disturbances: chosenAtRandom(seed, kills) })
  : await runSoak({
      ...{ folder, aside, seed, kills, clients: 6, say },
      ...(disk && { afterKill: disk.cut }),
    });
const { calls, repeated, problems } = result;
say(`${calls} answers, ${kills} ${deaths}, ${repeated} calls were repeated`);
for (const problem of problems) process.stdout.write(`  ${problem}\n`);
process.stdout.write(
  problems.length === 0 ? 'soak: all holds\n' : `soak: ${problems.length} problems, in ${folder}\n`,
);
if (problems.length === 0) {
  await rm(aside, { recursive: true });
}
if (problems.length === 0 || values.house) for (const cleanup of cleanups) await cleanup();
process.exitCode = problems.length === 0 ? 0 : 1;
