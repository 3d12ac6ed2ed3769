// The options of a machine's disk: subclusters in overlays (`extended_l2`), the cache, the way of
// input and output, and zeros that are found in what is written. Each column is the time in parts
// of the first one's, the shortest of a few runs; on each file system that this host has or can
// mount. Options: --folder DIR (on the file system to measure; default: the temporary folder, and
// as root also XFS, btrfs and tmpfs that are mounted for it).

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Row, report, rounded } from './report.ts';
import { fileSystemOf } from './xfs.ts';

const mib = 1024 ** 2;
const baseMib = 512;
const rounds = 5;
const timeoutMs = 120_000;

const { values } = parseArgs({
  options: { folder: { type: 'string' }, json: { type: 'boolean' } },
});
const quiet = { stdio: 'pipe', timeout: timeoutMs } as const;

/** Writes bytes that are not zeros. */
const bytes = ['-w', '--pattern', '7'];

/** The requests of a run on a fresh overlay: so many, of so many bytes, so far apart. */
const works = {
  'small writes, apart': [...bytes, '-c', '4000', '-s', '4096', '-S', '69632'],
  'small writes, flushed': [
    ...[...bytes, '-c', '1000', '-s', '4096', '-S', '69632'],
    ...['--flush-interval', '16'],
  ],
  'large writes': [...bytes, '-c', '200', '-s', String(mib)],
  'writes of zeros': ['-w', '-c', '200', '-s', String(mib), '--pattern', '0'],
  'small reads of the layer': ['-c', '4000', '-s', '4096', '-S', '69632'],
} as const;

interface Way {
  cache: 'writeback' | 'none';
  aio: 'threads' | 'native' | 'io_uring';
  subclusters?: false;
  zeros?: false;
  /** Whether the layers are read past the page cache too. */
  layers?: 'direct';
}

const ways: Record<string, Way> = {
  'as before': { cache: 'writeback', aio: 'threads', subclusters: false },
  subclusters: { cache: 'writeback', aio: 'threads' },
  'no zeros sought': { cache: 'writeback', aio: 'threads', zeros: false },
  io_uring: { cache: 'writeback', aio: 'io_uring' },
  'none, threads': { cache: 'none', aio: 'threads' },
  'none, native': { cache: 'none', aio: 'native' },
  'none, io_uring': { cache: 'none', aio: 'io_uring' },
  'layers too': { cache: 'none', aio: 'native', layers: 'direct' },
};

interface Figure {
  ms: number;
  storedMib: number;
  /** The bytes read of files, by calls that the kernel counts. */
  readMib: number;
}

/** Runs QEMU's benchmark, and returns the bytes that it read; throws where it is not possible. */
function bench(overlay: string, { cache, aio, zeros, layers }: Way, work: readonly string[]) {
  const image = [
    `driver=qcow2,discard=unmap,detect-zeroes=${zeros === false ? 'off' : 'unmap'}`,
    `file.driver=file,file.filename=${overlay},file.aio=${aio}`,
    ...(cache === 'none' && layers === undefined ? ['backing.cache.direct=off'] : []),
  ].join(',');
  const args = ['bench', '-q', '-d', '16', '-t', cache, '--image-opts', ...work, image];
  // The shell waits for the tool, so the kernel counts what the tool has read for it.
  const script = 'qemu-img "$@" >/dev/null && sed -n "s/^rchar: //p" /proc/$$/io';
  return Number(execFileSync('sh', ['-c', script, 'sh', ...args], quiet));
}

/** The shortest of some runs; null where it is impossible. */
function measure(folder: string, way: Way, work: readonly string[]): Figure | null {
  const overlay = join(folder, 'overlay.qcow2');
  let found: Figure | null = null;
  for (let round = 0; round < rounds; round++) {
    rmSync(overlay, { force: true });
    const form = ['-f', 'qcow2', '-F', 'qcow2', '-b', 'base.qcow2'];
    const tables = `extended_l2=${way.subclusters === false ? 'off' : 'on'}`;
    execFileSync('qemu-img', ['create', '-q', ...form, '-o', tables, overlay], quiet);
    execFileSync('sync', ['-f', overlay], quiet);
    const begun = performance.now();
    try {
      const readMib = bench(overlay, way, work) / mib;
      const ms = performance.now() - begun;
      const storedMib = (statSync(overlay).blocks * 512) / mib;
      if (found === null || ms < found.ms) found = { ms, storedMib, readMib };
    } catch {
      return null;
    }
  }
  return found;
}

/** Two figures, or one where they say the same. */
const pair = (one: number | undefined, other: number | undefined): string =>
  [...new Set([one, other].map((value) => (value === undefined ? '' : rounded(value))))].join(
    ' → ',
  );

function rowsOn(name: string, folder: string): Row[] {
  const inside = mkdtempSync(join(folder, 'silversmith-bench-'));
  try {
    const base = join(inside, 'base.qcow2');
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', base, `${baseMib}M`], quiet);
    const written = ['-f', 'qcow2', '-c', `write -q -P 7 0 ${baseMib}M`, base];
    execFileSync('qemu-io', written, quiet);
    return Object.entries(works).map(([work, args]) => {
      const found = Object.entries(ways).map(
        ([way, options]) => [way, measure(inside, options, args)] as const,
      );
      const [[, before] = [], [, now] = []] = found;
      const times = found.map(([way, one]): [string, number | string] => {
        if (way === 'as before') return ['ms as before', one?.ms ?? ''];
        return [way, one && before ? one.ms / before.ms : 'not possible'];
      });
      const bytes = {
        'MiB stored': pair(before?.storedMib, now?.storedMib),
        'MiB read': pair(before?.readMib, now?.readMib),
      };
      return { what: `${name}: ${work}`, values: { ...Object.fromEntries(times), ...bytes } };
    });
  } finally {
    rmSync(inside, { recursive: true, force: true });
  }
}

/** Mounts a file system of its own in a file, and takes it away again. */
function onMounted(kind: 'ext4' | 'xfs' | 'btrfs' | 'tmpfs', folder: string): Row[] {
  const [file, at] = [join(folder, `${kind}.raw`), join(folder, kind)];
  const run = (command: string, ...args: string[]) => execFileSync(command, args, quiet);
  mkdirSync(at);
  let loop: string | null = null;
  let isMounted = false;
  try {
    if (kind === 'tmpfs') run('mount', '-t', 'tmpfs', '-o', 'size=2g', kind, at);
    else {
      run('truncate', '-s', '3G', file);
      run(`mkfs.${kind}`, '-q', file);
      loop = run('losetup', '--direct-io=on', '-f', '--show', file).toString().trim();
      run('mount', loop, at);
    }
    isMounted = true;
    return rowsOn(kind, at);
  } catch (error) {
    process.stderr.write(`${kind}: left out (${String(error).split('\n')[0]?.slice(0, 120)})\n`);
    return [];
  } finally {
    if (isMounted) run('umount', at);
    if (loop !== null) run('losetup', '-d', loop);
    rmSync(file, { force: true });
  }
}

function allRows(): Row[] {
  if (values.folder !== undefined) return rowsOn(fileSystemOf(values.folder), values.folder);
  const folder = mkdtempSync(join(tmpdir(), 'silversmith-bench-'));
  try {
    if (process.getuid?.() !== 0) return rowsOn(fileSystemOf(folder), folder);
    return (['ext4', 'xfs', 'btrfs', 'tmpfs'] as const).flatMap((kind) => onMounted(kind, folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

report('disks of machines', allRows());
