// The options of a machine's disk: the cache, the way of input and output, and subclusters in
// overlays (`extended_l2`), beside what QEMU takes by itself. Each figure is the time of a run in
// parts of the first line's, which is what machines have, on each file system that this host has or
// can mount.
// Options: --folder DIR (on the file system to measure; default: the temporary folder, and as root
// also XFS, btrfs and tmpfs that are mounted for it).

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const mib = 1024 ** 2;
const baseMib = 512;
const rounds = 3;
const timeoutMs = 120_000;

const say = (line: string) => process.stdout.write(`${line}\n`);

const { values } = parseArgs({ options: { folder: { type: 'string' } } });
const quiet = { stdio: 'pipe', timeout: timeoutMs } as const;

/** What a run does on a fresh overlay: so many requests of so many bytes, so far apart. */
const works = {
  'small writes, apart': ['-w', '-c', '4000', '-s', '4096', '-S', '69632'],
  'large writes': ['-w', '-c', '400', '-s', String(mib)],
  'small reads, apart': ['-c', '4000', '-s', '4096', '-S', '69632'],
} as const;

const ways = [
  ['writeback', 'threads', 'off'],
  ['writeback', 'threads', 'on'],
  ['writeback', 'io_uring', 'on'],
  ['none', 'threads', 'on'],
  ['none', 'native', 'on'],
  ['none', 'io_uring', 'on'],
] as const;
type Way = (typeof ways)[number];

interface Figure {
  ms: number;
  storedMib: number;
}

/** The shortest of some runs, and the room that the overlay takes; null where it is impossible. */
function measure(folder: string, [cache, aio, subclusters]: Way, work: readonly string[]) {
  const overlay = join(folder, 'overlay.qcow2');
  let found: Figure | null = null;
  for (let round = 0; round < rounds; round++) {
    rmSync(overlay, { force: true });
    const form = ['-f', 'qcow2', '-F', 'qcow2', '-b', 'base.qcow2'];
    const made = ['create', '-q', ...form, '-o', `extended_l2=${subclusters}`, overlay];
    execFileSync('qemu-img', made, quiet);
    const begun = performance.now();
    try {
      const how = ['-q', '-d', '16', '-t', cache, '-i', aio, '-f', 'qcow2'];
      execFileSync('qemu-img', ['bench', ...how, ...work, overlay], quiet);
    } catch {
      return null;
    }
    const ms = performance.now() - begun;
    const storedMib = (statSync(overlay).blocks * 512) / mib;
    if (found === null || ms < found.ms) found = { ms, storedMib };
  }
  return found;
}

function report(name: string, folder: string): void {
  const inside = mkdtempSync(join(folder, 'silversmith-bench-'));
  try {
    const base = join(inside, 'base.qcow2');
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', base, `${baseMib}M`], quiet);
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', `write -q 0 ${baseMib}M`, base], quiet);
    for (const [work, args] of Object.entries(works)) {
      const first = measure(inside, ways[0], args);
      for (const way of ways) {
        const found = way === ways[0] ? first : measure(inside, way, args);
        const [cache, aio, subclusters] = way;
        const options = `cache=${cache} aio=${aio} extended_l2=${subclusters}`;
        const said =
          found && first
            ? `${(found.ms / first.ms).toFixed(2)} of the time, ${Math.round(found.storedMib)} MiB`
            : 'not possible';
        say(`${name}: ${work}: ${options.padEnd(46)} ${said}`);
      }
    }
  } finally {
    rmSync(inside, { recursive: true, force: true });
  }
}

/** Mounts a file system of its own in a file, and takes it away again. */
function onMounted(kind: 'xfs' | 'btrfs' | 'tmpfs', folder: string): void {
  const [file, at] = [join(folder, `${kind}.raw`), join(folder, kind)];
  mkdirSync(at);
  try {
    if (kind === 'tmpfs') execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2g', kind, at], quiet);
    else {
      execFileSync('truncate', ['-s', '3G', file], quiet);
      execFileSync(`mkfs.${kind}`, ['-q', file], quiet);
      execFileSync('mount', ['-o', 'loop', file, at], quiet);
    }
  } catch (error) {
    say(`${kind}: left out (${String(error).split('\n')[0]?.slice(0, 120)})`);
    return;
  }
  try {
    report(kind, at);
  } finally {
    execFileSync('umount', [at], quiet);
    rmSync(file, { force: true });
  }
}

if (values.folder !== undefined) report(values.folder, values.folder);
else {
  const folder = mkdtempSync(join(tmpdir(), 'silversmith-bench-'));
  try {
    report('the temporary folder', folder);
    if (process.getuid?.() === 0)
      for (const kind of ['xfs', 'btrfs', 'tmpfs'] as const) onMounted(kind, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
