// Hostile files: damaged and cut-off disks of every format, and archives and compressed files that
// unpack to more than they seem. Each is refused, or keeps its content; none fails the server.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createGzip, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { kindOf } from '../../src/domain/disk-kind.ts';
import { AppError } from '../../src/domain/error.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { takeDisk } from '../../src/engine/qemu/foreign/intake.ts';
import { parseDescriptor } from '../../src/engine/qemu/foreign/vmdk-descriptor.ts';
import { defaultConfining, probeHost } from '../../src/engine/qemu/host.ts';
import { fileContent } from '../../src/lib/content.ts';
import { systemPath } from '../../src/lib/spawn.ts';
import { call } from '../call.ts';
import { layerId } from '../contract/engine/world.ts';
import { type Scope, temporaryFolder } from '../support.ts';
import { type Corpus, corpusIn, plainDisk } from './corpus.ts';

const mib = 1024 ** 2;
const { signal } = new AbortController();

/** An engine, and the corpus with its tools' user. */
async function prepared(t: Scope) {
  const folder = await temporaryFolder(t);
  const root = join(folder, 'engine');
  const engine = await openQemu({ root });
  const confining = defaultConfining;
  const { user } = await probeHost({ root, path: systemPath, confining });
  const corpus = corpusIn(folder, await plainDisk(folder));
  const builds = join(root, 'builds');
  /** Judges a file as an import does, before any tool opens it. */
  const judge = async (name: string, more: { bytesMax?: number; unpackedBytes?: number } = {}) => {
    const source = join(builds, 'source');
    await writeFile(source, await readFile(name));
    return takeDisk(source, { folder: builds, user, bytesMax: 64 * mib, signal, ...more });
  };
  return { folder, engine, corpus, builds, judge };
}

const formats: [name: string, make: (corpus: Corpus) => string][] = [
  ['VMDK', ({ vmdk }) => vmdk('monolithicSparse')],
  ['VMDK of a stream', ({ vmdk }) => vmdk('streamOptimized')],
  ['VHD', ({ image }) => image('vpc', ['-o', 'force_size=on'])],
  ['VHDX', ({ image }) => image('vhdx')],
  ['VDI', ({ image }) => image('vdi')],
  ['QED', ({ image }) => image('qed')],
];

describe('a hostile file', () => {
  for (const [name, make] of formats)
    it(`that is a ${name}, cut off or damaged anywhere, is refused or keeps its content`, async (t) => {
      const { folder, engine, corpus, judge } = await prepared(t);
      const whole = await readFile(make(corpus));
      const given = join(folder, 'given');
      /** Whether it is taken. Asserts that what a judge or a tool refuses is refused as invalid. */
      const taken = async (bytes: Buffer, convert: boolean): Promise<boolean> => {
        await writeFile(given, bytes);
        const id = layerId();
        try {
          await judge(given);
          if (!convert) return true;
          const disk = await fileContent(given);
          await engine.transfer.importLayer(
            { layerId: id, parentId: null, bytesMax: 64 * mib, disk },
            call,
          );
        } catch (error) {
          assert.ok(error instanceof AppError && error.code === 'invalid', `${error}`);
          return false;
        }
        const layer = join(folder, 'engine', 'layers', `${id}.qcow2`);
        const compare = ['compare', '-f', 'raw', '-F', 'qcow2', corpus.raw, layer];
        assert.match(execFileSync('qemu-img', compare).toString(), /identical/);
        await engine.removeLayer(id, call);
        return true;
      };
      let [cuts, bent] = [0, 0];
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: whole.length }), async (bytes) => {
          if (!(await taken(whole.subarray(0, -bytes), true))) cuts++;
        }),
        { numRuns: 6, endOnFailure: true },
      );
      const place = fc.oneof(
        fc.integer({ min: 0, max: 127 }),
        fc.integer({ min: 0, max: (whole.length >> 2) - 1 }),
      );
      await fc.assert(
        fc.asyncProperty(place, fc.integer({ min: 1, max: 0xffffffff }), async (at, mask) => {
          const file = Buffer.from(whole);
          file.writeUInt32LE((file.readUInt32LE(at * 4) ^ mask) >>> 0, at * 4);
          if (!(await taken(file, false))) bent++;
        }),
        { numRuns: 30, endOnFailure: true },
      );
      t.diagnostic(`${cuts} of 6 cut and ${bent} of 30 bent files refused`);
      assert.ok(!(await taken(whole.subarray(0, whole.length / 2), true)), 'half of it');
    });

  it('on which qemu-img crashes is refused, and is no error of the server', async (t) => {
    const { folder, corpus } = await prepared(t);
    const programs = join(folder, 'programs');
    await mkdir(programs);
    for (const path of [folder, programs]) await chmod(path, 0o755);
    const script = '#!/bin/sh\n[ "$1" = --version ] || kill -SEGV $$\n';
    await writeFile(join(programs, 'qemu-img'), script, { mode: 0o755 });
    const path = `${programs}:${systemPath}`;
    const engine = await openQemu({ root: join(folder, 'other'), path });
    for (const [name, make] of formats) {
      const disk = await fileContent(make(corpus));
      const spec = { layerId: layerId(), parentId: null, bytesMax: 64 * mib, disk };
      await assert.rejects(engine.transfer.importLayer(spec, call), { code: 'invalid' }, name);
    }
  });

  it('with tables at random behind a header that is right is refused', async (t) => {
    const { folder, engine, corpus, builds } = await prepared(t);
    for (const [, make] of formats) {
      const file = await readFile(make(corpus));
      // Tables and content at random, behind a header that is right.
      for (let at = 4096; at < file.length; at += 97) file[at] = (at * 31) & 0xff;
      await writeFile(join(folder, 'given'), file);
      const disk = await fileContent(join(folder, 'given'));
      const id = layerId();
      await engine.transfer
        .importLayer({ layerId: id, parentId: null, bytesMax: 64 * mib, disk }, call)
        .catch((error) =>
          assert.ok(
            error instanceof AppError && error.code === 'invalid',
            `${error} ${error.detail}`,
          ),
        );
      await engine.removeLayer(id, call);
    }
    assert.deepEqual(await readdir(builds), []);
  });

  it('that unpacks to more than there is room for, or to far more than it has, is refused while it unpacks', async (t) => {
    const { folder, corpus, judge } = await prepared(t);
    const bomb = join(folder, 'bomb.gz');
    const first = Buffer.alloc(mib, 0xaa);
    first.writeUInt16BE(0x55aa, 510);
    await writeFile(bomb, gzipSync(Buffer.concat(Array<Buffer>(40).fill(first))));
    await assert.rejects(judge(bomb, { bytesMax: 8 * mib }), /more than there is room for/);
    const holes = join(folder, 'holes.gz');
    const zip = createGzip();
    zip.end(Buffer.concat([first, Buffer.alloc(64 * mib)]));
    await writeFile(holes, await zip.toArray().then(Buffer.concat));
    // 65 MiB, of which one is content.
    await assert.rejects(
      judge(holes, { unpackedBytes: 8 * mib }),
      /unpacks to more than \d+ bytes/,
    );
    assert.equal((await judge(holes)).format, 'raw');
    const inZip = await corpus.archive('zip', (inside) =>
      writeFile(inside('x'), Buffer.concat([first, Buffer.alloc(64 * mib)])),
    );
    await assert.rejects(
      judge(inZip, { unpackedBytes: 8 * mib }),
      /unpacks to more than \d+ bytes/,
    );
  });

  it('of any bytes is judged without a defect, and so is any descriptor of a VMDK', () => {
    const marks = [
      'KDMV',
      'PK\x03\x04',
      '# Disk DescriptorFile',
      'vhdxfile',
      'conectix',
      'QED\0',
      '\x1f\x8b\x08',
    ];
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 2048 }),
        fc.constantFrom('', ...marks),
        fc.nat(),
        (bytes, mark, size) => {
          assert.ok(kindOf(Buffer.concat([Buffer.from(mark, 'latin1'), bytes]), size).kind);
        },
      ),
      { numRuns: 500 },
    );
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'createType="custom"',
        'parentCID=ffffffff',
        'RW 8 FLAT "a" 0',
        'RW 8 SPARSE "../a"',
      ),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        try {
          for (const { name } of parseDescriptor(lines.join('\n')).extents)
            assert.ok(!/[/\\\0]/.test(name));
        } catch (error) {
          assert.ok(error instanceof AppError && error.code === 'invalid', `${error}`);
        }
      }),
      { numRuns: 500 },
    );
  });
});
