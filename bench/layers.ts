// Measures layers: a capture against the size of the disk and against `qemu-img convert`, a new
// disk against `qemu-img create -b`, and the bytes of fifty disks. Uses real files and no guest;
// each figure is a ratio within this run. Type: npm run bench

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DiskId, LayerId } from '../src/domain/ids.ts';
import { gbBytes } from '../src/domain/units.ts';
import { openQemu } from '../src/engine/qemu/engine.ts';
import { fileSink } from '../src/lib/content.ts';
import { call } from '../test/call.ts';
import { contents } from '../test/content.ts';

const mib = 1024 ** 2;
const repeats = 15;
/** The number of disks and images over which the bytes of one are averaged. */
const copies = 50;
const links = 10;

const median = (values: number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const id = <Id>() => randomBytes(12).toString('hex') as Id;
const timed = async (work: () => unknown) => {
  const start = performance.now();
  await work();
  return performance.now() - start;
};
const say = (text: string) => process.stdout.write(`${text}\n`);
const ms = (value: number) => `${value.toFixed(0)} ms`;
const times = (value: number, peer: number) => `${(value / peer).toFixed(2)} ×`;
const qemuImg = (...args: string[]) => execFileSync('qemu-img', args);
const qemuIo = (path: string, ...commands: string[]) =>
  execFileSync('qemu-io', ['-f', 'qcow2', ...commands.flatMap((one) => ['-c', one]), path], {
    stdio: 'pipe',
  });

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
async function measureCaptures(bench: Bench): Promise<void> {
  say('capture (machine off → layer and new disk), by what the disk has allocated');
  const captures: number[] = [];
  for (const gb of [1, 2, 10, 50]) {
    const sizeBytes = (gb + 2) * gbBytes;
    const disk = await newDisk(bench, sizeBytes);
    const path = diskFile(bench, disk);
    // The file is allocated and mapped but sparse on the host, so 50 GB do not need 50 GB here.
    qemuIo(path, `write -z -n ${gbBytes} ${gb}G`);
    let peer = '';
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
    if (converted !== null)
      peer = `; qemu-img convert of the same disk (2 GB written) ${ms(converted)}, ${(converted / taken).toFixed(1)} × as long`;
    say(`  ${String(gb).padStart(2)} GB: ${ms(taken)}${peer}`);
  }
  say(`  50 GB against 1 GB: ${times(captures[3] ?? 0, captures[0] ?? 1)}`);
}

async function measureDisks(bench: Bench): Promise<void> {
  const ours: number[] = [];
  const theirs: number[] = [];
  const backing = ['-q', '-f', 'qcow2', '-F', 'qcow2', '-b', layerFile(bench, bench.base)];
  for (let index = 0; index < repeats; index++) {
    ours.push(await timed(() => newDisk(bench, 10 * gbBytes)));
    const plain = join(bench.folder, `plain-${index}.qcow2`);
    theirs.push(await timed(() => qemuImg('create', ...backing, plain, '10G')));
  }
  say(
    `a machine's disk recreated: ${median(ours).toFixed(1)} ms, durable; qemu-img create -b ${median(theirs).toFixed(1)} ms: ${times(median(ours), median(theirs))}`,
  );
}

async function measureBytes(bench: Bench): Promise<void> {
  let bytes = 0;
  for (let index = 0; index < copies; index++)
    bytes += await storedBytes(diskFile(bench, await newDisk(bench, 10 * gbBytes)));
  say(`fifty disks on one base: ${(bytes / copies / 1024).toFixed(0)} KB each beside the base`);

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
  const ratio = (imageBytes / (baseBytes + copies * written)).toFixed(3);
  say(`fifty images from one base, 16 MB written in each: ${ratio} × (base + what differs)`);
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

async function measureChain(bench: Bench): Promise<void> {
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
  say(
    `a chain of eleven layers compacted and compared: ${ms(compacted)}; qemu-img convert of it ${ms(copied)}: ${times(compacted, copied)}`,
  );
  const exported = await timed(() =>
    engine.transfer.exportLayer(
      {
        layerId: head,
        format: 'qcow2',
        to: fileSink(join(folder, 'export.qcow2')),
        boot: { mode: 'bios' },
        baseLayerId: base,
        bytesMax: Number.MAX_SAFE_INTEGER,
        chain: [head, base],
      },
      call,
    ),
  );
  say(
    `exported, compressed with zstd: ${ms(exported)}: ${times(exported, copied)} qemu-img convert`,
  );
  const hashed = await timed(() =>
    engine.verify.digest({ layerId: head, bytesPerSecond: 0 }, call),
  );
  say(`digest of its ${((await stat(path)).size / mib).toFixed(0)} MB: ${ms(hashed)}`);
}

const folder = await mkdtemp(join(tmpdir(), 'silversmith-bench-'));
try {
  const bench = await begin(folder);
  await measureCaptures(bench);
  await measureDisks(bench);
  await measureBytes(bench);
  await measureChain(bench);
} finally {
  await rm(folder, { recursive: true, force: true });
}
