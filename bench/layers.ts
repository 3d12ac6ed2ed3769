// Measures layers on real files, without a guest: captures, new disks, compaction, exports, imports
// and digests, each beside a tool that does the same, in the same run. As root it does so on two
// file systems: that of the temporary folder, and XFS in a file, which has reflinks.
// Type: npm run bench layers [-- --json]

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DiskId, LayerId } from '../src/domain/ids.ts';
import { gbBytes } from '../src/domain/units.ts';
import { openQemu } from '../src/engine/qemu/engine.ts';
import { fileSink } from '../src/lib/content.ts';
import { call } from '../test/call.ts';
import { contents } from '../test/content.ts';
import { median, type Row, report } from './report.ts';

const mib = 1024 ** 2;
const repeats = 15;
/** The number of disks and images over which the bytes of one are averaged. */
const copies = 50;
const links = 10;

const id = <Id>() => randomBytes(12).toString('hex') as Id;
const timed = async (work: () => unknown) => {
  const start = performance.now();
  await work();
  return performance.now() - start;
};
/** A row of ours beside a peer, both in ms. */
const beside = (what: string, ours: number, peer: string, theirs: number): Row => ({
  what,
  values: { ms: ours, 'peer ms': theirs, '× peer': ours / theirs, peer },
});
const tool = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'pipe' });
const qemuImg = (...args: string[]) => tool('qemu-img', ...args);
const qemuIo = (path: string, ...commands: string[]) =>
  tool('qemu-io', '-f', 'qcow2', ...commands.flatMap((one) => ['-c', one]), path);

interface Bench {
  folder: string;
  engine: Awaited<ReturnType<typeof openQemu>>;
  /** An empty layer of 1 GB. */
  base: LayerId;
}

const diskFile = ({ folder }: Bench, disk: DiskId) =>
  join(folder, 'engine', 'disks', `${disk}.qcow2`);
const layerFile = ({ folder }: Bench, layer: LayerId) =>
  join(folder, 'engine', 'layers', `${layer}.qcow2`);
const storedBytes = async (path: string) => (await stat(path)).blocks * 512;

async function begin(folder: string): Promise<Bench> {
  await chmod(folder, 0o711);
  const engine = await openQemu({ root: join(folder, 'engine') });
  const base = id<LayerId>();
  const raw = join(folder, 'base.raw');
  await writeFile(raw, '');
  const handle = await open(raw, 'r+');
  await handle.truncate(gbBytes);
  await handle.write(Buffer.from([0x55, 0xaa]), 0, 2, 510);
  await handle.close();
  await engine.importBase({ layerId: base, ...(await contents({ disk: raw })) }, call);
  return { folder, engine, base };
}

async function newDisk({ engine, base }: Bench, sizeBytes: number): Promise<DiskId> {
  const disk = id<DiskId>();
  await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes }, call);
  return disk;
}

/** Captures disks of several sizes; one of them is converted by `qemu-img` too. */
async function measureCaptures(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  const captures: number[] = [];
  for (const gb of [1, 2, 10, 50]) {
    const sizeBytes = (gb + 2) * gbBytes;
    const disk = await newDisk(bench, sizeBytes);
    const path = diskFile(bench, disk);
    // The file is allocated and mapped but sparse on the host, so 50 GB do not need 50 GB here.
    qemuIo(path, `write -z -n ${gbBytes} ${gb}G`);
    const convert = () =>
      qemuImg('convert', '-O', 'qcow2', path, join(bench.folder, 'converted.qcow2'));
    const written = Array.from(
      { length: 32 },
      (_, index) => `write -P ${index + 1} ${gbBytes + index * 64 * mib} 64M`,
    );
    if (gb === 2) qemuIo(path, ...written);
    const converted = gb === 2 ? await timed(convert) : null;
    const spec = { diskId: disk, layerId: id<LayerId>(), sizeBytes };
    const taken = await timed(() => bench.engine.sealDisk(spec, call));
    captures.push(taken);
    const what = `capture of ${gb} GB`;
    rows.push(
      converted === null
        ? beside(what, taken, 'capture of 1 GB', captures[0] ?? Number.NaN)
        : beside(`${what}, written`, taken, 'qemu-img convert', converted),
    );
  }
  return rows;
}

async function measureDisks(bench: Bench): Promise<Row[]> {
  const ours: number[] = [];
  const theirs: number[] = [];
  const backing = ['-q', '-f', 'qcow2', '-F', 'qcow2', '-b', layerFile(bench, bench.base)];
  for (let index = 0; index < repeats; index++) {
    ours.push(await timed(() => newDisk(bench, 10 * gbBytes)));
    const plain = join(bench.folder, `plain-${index}.qcow2`);
    theirs.push(await timed(() => qemuImg('create', ...backing, plain, '10G')));
  }
  return [beside('new disk, durable', median(ours), 'qemu-img create -b', median(theirs))];
}

/** On a file system with reflinks: a whole copy of a base that shares its bytes. */
async function measureReflinks(bench: Bench): Promise<Row[]> {
  const path = layerFile(bench, bench.base);
  const [ours, theirs]: number[][] = [[], []];
  try {
    for (let index = 0; index < repeats; index++) {
      ours?.push(await timed(() => newDisk(bench, 10 * gbBytes)));
      const copy = join(bench.folder, `reflink-${index}.qcow2`);
      theirs?.push(await timed(() => tool('cp', '--reflink=always', path, copy)));
    }
  } catch {
    return [];
  }
  return [beside('new disk, durable', median(ours ?? []), 'cp --reflink', median(theirs ?? []))];
}

async function measureBytes(bench: Bench): Promise<Row[]> {
  let bytes = 0;
  for (let index = 0; index < copies; index++)
    bytes += await storedBytes(diskFile(bench, await newDisk(bench, 10 * gbBytes)));
  const kb = (bytes / copies / 1024).toFixed(0);
  const baseBytes = await storedBytes(layerFile(bench, bench.base));
  const written = 16 * mib;
  let imageBytes = baseBytes;
  for (let index = 0; index < copies; index++) {
    const sizeBytes = 10 * gbBytes;
    const disk = await newDisk(bench, sizeBytes);
    qemuIo(diskFile(bench, disk), `write -P ${index + 1} 1G 16M`);
    const spec = { diskId: disk, layerId: id<LayerId>(), sizeBytes };
    imageBytes += (await bench.engine.sealDisk(spec, call)).storedBytes;
  }
  const ratio = imageBytes / (baseBytes + copies * written);
  const row = (what: string, values: Row['values']): Row => ({
    what,
    values: { ms: '', 'peer ms': '', ...values },
  });
  return [
    row('bytes of fifty images', { '× peer': ratio, peer: 'base + what differs' }),
    row('bytes of a new disk', { '× peer': '', peer: `${kb} KB beside the base` }),
  ];
}

/** Makes a chain of captures; resolves to its layers, the top first. */
async function makeChain(bench: Bench): Promise<LayerId[]> {
  const sizeBytes = 4 * gbBytes;
  const disk = await newDisk(bench, sizeBytes);
  const chain = [bench.base];
  for (let index = 0; index < links; index++) {
    qemuIo(diskFile(bench, disk), `write -P ${index + 1} ${index * 16}M 32M`);
    const layerId = id<LayerId>();
    chain.unshift(layerId);
    await bench.engine.sealDisk({ diskId: disk, layerId, sizeBytes }, call);
  }
  return chain;
}

async function measureChain(bench: Bench): Promise<Row[]> {
  const { engine, base, folder } = bench;
  const chain = await makeChain(bench);
  const head = chain[0] ?? base;
  const path = layerFile(bench, head);
  const copied = await timed(() =>
    qemuImg('convert', '-O', 'qcow2', path, join(folder, 'flat.qcow2')),
  );
  const compacted = await timed(() =>
    engine.compact.rewrite({ layerId: head, parentId: base, chain }, call),
  );
  const file = join(folder, 'export.qcow2');
  const exported = await timed(() =>
    engine.transfer.exportLayer(
      {
        layerId: head,
        format: 'qcow2',
        to: fileSink(file),
        boot: { mode: 'bios' },
        baseLayerId: base,
        bytesMax: Number.MAX_SAFE_INTEGER,
        chain: [head, base],
      },
      call,
    ),
  );
  const copiedBack = await timed(() =>
    qemuImg('convert', '-O', 'qcow2', file, join(folder, 'back.qcow2')),
  );
  const importing = { layerId: id<LayerId>(), parentId: null, bytesMax: 100 * gbBytes };
  const imported = await timed(async () =>
    engine.transfer.importLayer({ ...importing, ...(await contents({ disk: file })) }, call),
  );
  const hashed = await timed(() =>
    engine.verify.digest({ layerId: head, bytesPerSecond: 0 }, call),
  );
  const summed = await timed(() => tool('sha256sum', path));
  return [
    beside('chain of eleven compacted, compared', compacted, 'qemu-img convert', copied),
    beside('export, zstd', exported, 'qemu-img convert', copied),
    beside('import', imported, 'qemu-img convert', copiedBack),
    beside('digest', hashed, 'sha256sum', summed),
  ];
}

async function measure(folder: string, fileSystem: string): Promise<Row[]> {
  const bench = await begin(folder);
  const rows = [
    ...(await measureCaptures(bench)),
    ...(await measureDisks(bench)),
    ...(await measureReflinks(bench)),
    ...(await measureBytes(bench)),
    ...(await measureChain(bench)),
  ];
  return rows.map(({ what, values }) => ({ what: `${fileSystem}: ${what}`, values }));
}

/** Measures on XFS in a file, on a loop device. */
async function measureXfs(parent: string): Promise<Row[]> {
  const [file, folder] = [join(parent, 'xfs'), join(parent, 'mounted')];
  await mkdir(folder);
  tool('truncate', '--size', '16G', file);
  tool('mkfs.xfs', '-q', file);
  tool('mount', '-o', 'loop', file, folder);
  try {
    return await measure(folder, 'xfs');
  } finally {
    tool('umount', '-l', folder);
  }
}

const folder = await mkdtemp(join(tmpdir(), 'silversmith-bench-'));
try {
  const fileSystem = tool('findmnt', '-no', 'FSTYPE', '--target', folder).toString().trim();
  const rows = await measure(folder, fileSystem);
  if (process.getuid?.() === 0) rows.push(...(await measureXfs(folder)));
  report('layers', rows);
} finally {
  await rm(folder, { recursive: true, force: true });
}
