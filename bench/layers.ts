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

const repeats = 15;
const median = (values: number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const id = <Id>() => randomBytes(12).toString('hex') as Id;
const timed = async (work: () => unknown) => {
  const start = performance.now();
  await work();
  return performance.now() - start;
};
const say = (text: string) => process.stdout.write(`${text}\n`);

const folder = await mkdtemp(join(tmpdir(), 'silversmith-bench-'));
try {
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

  say('capture (machine off → layer and new disk), by what the disk has allocated');
  const captures: number[] = [];
  for (const gb of [1, 2, 10, 50]) {
    const disk = id<DiskId>();
    const path = join(folder, 'engine', 'disks', `${disk}.qcow2`);
    const sizeBytes = (gb + 2) * gbBytes;
    await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes }, call);
    // The file is allocated and mapped but sparse on the host, so 50 GB do not need 50 GB here.
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', `write -z -n ${gbBytes} ${gb}G`, path], {
      stdio: 'pipe',
    });
    if (gb === 2)
      execFileSync(
        'qemu-io',
        [
          '-f',
          'qcow2',
          ...Array.from({ length: 32 }, (_, index) => [
            '-c',
            `write -P ${index + 1} ${gbBytes + index * 64 * 1024 ** 2} 64M`,
          ]).flat(),
          path,
        ],
        { stdio: 'pipe' },
      );
    const converted =
      gb === 2
        ? await timed(() =>
            execFileSync('qemu-img', [
              'convert',
              '-O',
              'qcow2',
              path,
              join(folder, 'converted.qcow2'),
            ]),
          )
        : null;
    const ms = await timed(() =>
      engine.sealDisk({ diskId: disk, layerId: id<LayerId>(), sizeBytes }, call),
    );
    captures.push(ms);
    say(
      `  ${String(gb).padStart(2)} GB: ${ms.toFixed(0)} ms${converted === null ? '' : `; qemu-img convert of the same disk (2 GB written) ${converted.toFixed(0)} ms, ${(converted / ms).toFixed(1)} × as long`}`,
    );
  }
  say(`  50 GB against 1 GB: ${((captures[3] ?? 0) / (captures[0] ?? 1)).toFixed(2)} ×`);

  const ours: number[] = [];
  const theirs: number[] = [];
  const made: DiskId[] = [];
  for (let index = 0; index < repeats; index++) {
    const disk = id<DiskId>();
    made.push(disk);
    ours.push(
      await timed(() =>
        engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes: 10 * gbBytes }, call),
      ),
    );
    const args = [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-F',
      'qcow2',
      '-b',
      join(folder, 'engine', 'layers', `${base}.qcow2`),
      join(folder, `plain-${index}.qcow2`),
      '10G',
    ];
    theirs.push(await timed(() => execFileSync('qemu-img', args)));
  }
  say(
    `a machine's disk recreated: ${median(ours).toFixed(1)} ms, durable; qemu-img create -b ${median(theirs).toFixed(1)} ms: ${(median(ours) / median(theirs)).toFixed(2)} ×`,
  );

  let bytes = 0;
  for (let index = 0; index < 50; index++) {
    const disk = id<DiskId>();
    await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes: 10 * gbBytes }, call);
    bytes += (await stat(join(folder, 'engine', 'disks', `${disk}.qcow2`))).blocks * 512;
  }
  say(`fifty disks on one base: ${(bytes / 50 / 1024).toFixed(0)} KB each beside the base`);

  const baseBytes = (await stat(join(folder, 'engine', 'layers', `${base}.qcow2`))).blocks * 512;
  const written = 16 * 1024 ** 2;
  let imageBytes = baseBytes;
  for (let index = 0; index < 50; index++) {
    const disk = id<DiskId>();
    const sizeBytes = 10 * gbBytes;
    await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes }, call);
    const path = join(folder, 'engine', 'disks', `${disk}.qcow2`);
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', `write -P ${index + 1} 1G 16M`, path], {
      stdio: 'pipe',
    });
    imageBytes += (await engine.sealDisk({ diskId: disk, layerId: id<LayerId>(), sizeBytes }, call))
      .storedBytes;
  }
  say(
    `fifty images from one base, 16 MB written in each: ${(imageBytes / (baseBytes + 50 * written)).toFixed(3)} × (base + what differs)`,
  );

  const chained = id<DiskId>();
  const sizeBytes = 4 * gbBytes;
  await engine.ensureDisk({ diskId: chained, layerId: base, sizeBytes }, call);
  let head = base;
  const chain = [base];
  for (let index = 0; index < 10; index++) {
    const path = join(folder, 'engine', 'disks', `${chained}.qcow2`);
    execFileSync(
      'qemu-io',
      ['-f', 'qcow2', '-c', `write -P ${index + 1} ${index * 16}M 32M`, path],
      { stdio: 'pipe' },
    );
    head = id<LayerId>();
    chain.unshift(head);
    await engine.sealDisk({ diskId: chained, layerId: head, sizeBytes }, call);
  }
  const headPath = join(folder, 'engine', 'layers', `${head}.qcow2`);
  const copied = await timed(() =>
    execFileSync('qemu-img', ['convert', '-O', 'qcow2', headPath, join(folder, 'flat.qcow2')]),
  );
  const compacted = await timed(() =>
    engine.compact.rewrite({ layerId: head, parentId: base, chain }, call),
  );
  say(
    `a chain of eleven layers compacted and compared: ${compacted.toFixed(0)} ms; qemu-img convert of it ${copied.toFixed(0)} ms: ${(compacted / copied).toFixed(2)} ×`,
  );
  const exported = await timed(() =>
    engine.transfer.exportLayer(
      {
        layerId: head,
        format: 'qcow2',
        to: fileSink(join(folder, 'export.qcow2')),
        boot: { mode: 'firmware' },
        baseLayerId: base,
        bytesMax: Number.MAX_SAFE_INTEGER,
        chain: [head, base],
      },
      call,
    ),
  );
  say(
    `exported, compressed with zstd: ${exported.toFixed(0)} ms: ${(exported / copied).toFixed(2)} × qemu-img convert`,
  );
  const hashed = await timed(() =>
    engine.verify.digest({ layerId: head, bytesPerSecond: 0 }, call),
  );
  say(
    `digest of its ${((await stat(headPath)).size / 1024 ** 2).toFixed(0)} MB: ${hashed.toFixed(0)} ms`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
