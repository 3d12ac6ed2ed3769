// npm run soak [-- KILLS [SEED]]: the long soak, 200 kills by default. Exits with 1 when something that was told does not hold.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runSoak } from './soak.ts';

const [kills = 200, seed = Date.now() % 100_000] = process.argv.slice(2).map(Number);
const folder = await mkdtemp(join(tmpdir(), 'silversmith-soak-'));
process.stdout.write(`soak: ${kills} kills, seed ${seed}\n`);
const result = await runSoak({
  folder,
  seed,
  kills,
  clients: 6,
  say: (line) => process.stdout.write(`soak: ${line}\n`),
});
const { calls, repeated, problems } = result;
process.stdout.write(`soak: ${calls} answers, ${result.kills} kills, ${repeated} calls were repeated\n`);
for (const problem of problems) process.stdout.write(`  ${problem}\n`);
process.stdout.write(problems.length === 0 ? 'soak: all holds\n' : `soak: ${problems.length} problems, in ${folder}\n`);
if (problems.length === 0) await rm(folder, { recursive: true });
process.exitCode = problems.length === 0 ? 0 : 1;
