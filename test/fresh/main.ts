// npm run test:fresh [-- bookworm|trixie …] [root|sudo|user …] [start]: types README's two commands
// on a fresh minimal Debian that has its own nodejs and npm. They are typed as root in /root, by a
// user with sudo in a private home, and by a user without sudo. It needs root, and takes an hour;
// with `start` it types only the first command and the tour, in minutes. It prints the output of
// each command, and ends with a table.

import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const releases = ['bookworm', 'trixie'];
const situations = ['root', 'sudo', 'user'];
const limitMs = 3600_000;
const packages = ['git', 'ca-certificates', 'nodejs', 'npm', 'sudo', 'adduser', 'procps'];

const repository = new URL('../..', import.meta.url).pathname;
const enter = new URL('enter', import.meta.url).pathname;
const given = process.argv.slice(2);
const unknown = given.find((word) => ![...releases, ...situations, 'start'].includes(word));
if (unknown !== undefined || process.getuid?.() !== 0) {
  process.stderr.write(
    unknown === undefined
      ? 'This makes and mounts whole systems: type it as root.\n'
      : `${unknown} is none of: ${[...releases, ...situations].join(', ')}, start\n`,
  );
  process.exit(2);
}
const chosen = (all: readonly string[]) =>
  all.some((one) => given.includes(one)) ? given.filter((one) => all.includes(one)) : all;
const only = given.includes('start') ? ['start'] : [];

const folder = mkdtempSync(join(tmpdir(), 'silversmith-fresh-'));
const rows: string[] = [];
let failed = false;
try {
  const opt = join(folder, 'opt');
  mkdirSync(opt);
  copyFileSync(new URL('newcomer', import.meta.url).pathname, join(opt, 'newcomer'));
  const bundle = join(opt, 'silversmith.bundle');
  execFileSync('git', ['bundle', 'create', '--quiet', bundle, 'HEAD'], {
    cwd: repository,
    stdio: 'inherit',
  });
  for (const release of chosen(releases)) {
    const tree = join(folder, release);
    process.stdout.write(`\n=== a minimal ${release} with its own nodejs and npm\n`);
    execFileSync(
      'mmdebstrap',
      ['--quiet', '--variant=minbase', `--include=${packages.join(',')}`, release, tree],
      {
        stdio: 'inherit',
      },
    );
    for (const situation of chosen(situations)) {
      process.stdout.write(`\n=== ${release}, ${situation}\n`);
      const scratch = join(folder, `${release}-${situation}`);
      mkdirSync(scratch);
      const began = performance.now();
      const { status } = spawnSync(
        'bash',
        [enter, tree, scratch, opt, 'bash', '/opt/newcomer', situation, ...only],
        { stdio: ['ignore', 'inherit', 'inherit'], timeout: limitMs },
      );
      const seconds = Math.round((performance.now() - began) / 1000);
      failed ||= status !== 0;
      rows.push(
        `${status === 0 ? 'good' : 'FAILED'}  ${release.padEnd(8)}  ${situation.padEnd(4)}  ${seconds} s`,
      );
      rmSync(scratch, { recursive: true, force: true });
    }
    rmSync(tree, { recursive: true, force: true });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(`\n${rows.join('\n')}\n`);
process.exitCode = failed ? 1 : 0;
