// The structure of a disk from outside is checked. Cut-off or damaged disks are refused unless
// their content is intact, and a tool that is too slow on this host does not count against a file.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { AppError } from '../../src/domain/error.ts';
import type { LayerId } from '../../src/domain/ids.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { defaultConfining, probeHost } from '../../src/engine/qemu/host.ts';
import { assertQcow2Whole } from '../../src/engine/qemu/qcow2.ts';
import { qemuImg } from '../../src/engine/qemu/qemu-img.ts';
import { fileContent } from '../../src/lib/content.ts';
import { systemPath } from '../../src/lib/spawn.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { layerId } from '../contract/engine/world.ts';
import { runs } from '../runs.ts';
import { smallDisk } from '../small-disk.ts';
import { defer, leftOutWithoutRoot, type Scope, temporaryFolder, waitFor } from '../support.ts';

const mib = 1024 ** 2;
const few = { numRuns: runs(12), endOnFailure: true };

/**
 * Opens an engine, and makes a file system with a file in it: as a raw disk, a plain qcow2 and a
 * compressed qcow2.
 */
async function disks(t: Scope) {
  const folder = await temporaryFolder(t);
  const engine = await openQemu({ root: join(folder, 'engine') });
  const file = (name: string) => join(folder, name);
  await mkdir(file('tree'));
  await writeFile(join(file('tree'), 'content'), randomBytes(mib));
  await writeFile(file('raw'), Buffer.alloc(4 * mib));
  execFileSync('mke2fs', ['-q', '-F', '-t', 'ext2', '-d', file('tree'), file('raw')], {
    stdio: 'pipe',
  });
  for (const [name, more] of [
    ['plain', []],
    ['compressed', ['-c', '-o', 'compression_type=zstd']],
  ] as const)
    execFileSync('qemu-img', [
      'convert',
      '-f',
      'raw',
      '-O',
      'qcow2',
      ...more,
      file('raw'),
      file(name),
    ]);
  /** Whether the engine took the disk. If so, checks that the layer has the same content. */
  const taken = async (content: Buffer): Promise<boolean> => {
    await writeFile(file('given'), content);
    const id = layerId();
    try {
      await engine.transfer.importLayer(
        { layerId: id, parentId: null, bytesMax: 64 * mib, disk: await fileContent(file('given')) },
        call,
      );
    } catch (error) {
      assert.equal((error as AppError).code, 'invalid', `${error} ${(error as AppError).detail}`);
      return false;
    }
    const layer = join(folder, 'engine', 'layers', `${id}.qcow2`);
    const compared = execFileSync('qemu-img', [
      'compare',
      '-f',
      'raw',
      '-F',
      'qcow2',
      file('raw'),
      layer,
    ]);
    assert.match(compared.toString(), /identical/);
    await engine.removeLayer(id, call);
    return true;
  };
  return { folder, engine, file, taken };
}

describe('a disk from outside', () => {
  it('that was cut off at any length is refused, or has lost no content', async (t) => {
    const { folder, file, taken } = await disks(t);
    for (const name of ['raw', 'plain', 'compressed']) {
      const whole = await readFile(file(name));
      assert.ok(await taken(whole), name);
      const lengths = fc.oneof(
        fc.integer({ min: 1, max: whole.length }),
        fc.integer({ min: 1, max: 4096 }),
      );
      let refused = 0;
      await fc.assert(
        fc.asyncProperty(lengths, async (bytes) => {
          if (!(await taken(whole.subarray(0, -bytes)))) refused++;
        }),
        few,
      );
      t.diagnostic(`${name}: ${refused} of ${few.numRuns} cuts refused`);
      assert.ok(!(await taken(whole.subarray(0, whole.length / 2))), `half of ${name}`);
    }
    await writeFile(file('half'), (await readFile(file('plain'))).subarray(0, mib));
    await assert.rejects(
      assertQcow2Whole(file('half')),
      /cut off: .* ends at byte \d+, and the file has 1048576/,
    );
    assert.deepEqual(await readdir(join(folder, 'engine', 'builds')), []);
  });

  it('that is damaged anywhere in its tables is refused, or keeps its content', async (t) => {
    const { file, taken } = await disks(t);
    const whole = await readFile(file('plain'));
    // The header, the reference counts and the tables come before the content.
    const places = fc.oneof(
      fc.integer({ min: 0, max: 27 }),
      fc.integer({ min: 0, max: 5 * 16_384 - 1 }),
    );
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(places, fc.integer({ min: 1, max: 0xffffffff }), async (at, mask) => {
        const bent = Buffer.from(whole);
        bent.writeUInt32BE((bent.readUInt32BE(at * 4) ^ mask) >>> 0, at * 4);
        if (!(await taken(bent))) refused++;
      }),
      // This table of reference counts goes on behind the file, so the tool names a fault for each.
      { ...few, numRuns: runs(30), examples: [[14, 19]] },
    );
    t.diagnostic(`${refused} of 30 bent files refused`);
    const marked = (bit: number) => {
      const bent = Buffer.from(whole);
      bent[79] = bit;
      return bent;
    };
    for (const bit of [0b1, 0b10]) assert.ok(!(await taken(marked(bit))), `bit ${bit}`);
  });

  it('is tried again, not called damaged, when the host is too slow for a tool', async (t) => {
    const { folder, file } = await disks(t);
    const programs = join(folder, 'programs');
    await mkdir(programs);
    await writeFile(join(programs, 'qemu-img'), '#!/bin/sh\nexec sleep 1000\n', { mode: 0o755 });
    for (const path of [folder, programs]) await chmod(path, 0o755);
    const { user: found } = await probeHost({
      root: folder,
      path: systemPath,
      confining: defaultConfining,
    });
    const user = { ...found, path: `${programs}:${systemPath}` };
    await assert.rejects(
      qemuImg(['info', file('plain')], user, folder, { timeoutMs: 200 }),
      (error: AppError) => {
        assert.deepEqual([error.code, error.retry], ['unavailable', 'later']);
        assert.match(error.message, /too slow.*says nothing of the file/);
        return true;
      },
    );
    await writeFile(join(programs, 'qemu-img'), '#!/bin/sh\nkill -KILL $$\n');
    await assert.rejects(qemuImg(['info', file('plain')], user, folder), {
      code: 'unavailable',
      retry: 'later',
    });
  });
});

describe('an upload that unpacks to more than it seems', { skip: leftOutWithoutRoot }, () => {
  it('never exceeds its limit or takes the reserve of the host, and leaves no file', async (t) => {
    const folder = await smallDisk(t, 120);
    const engine = await openQemu({ root: join(folder, 'engine') });
    const [base, outside] = [layerId(), await temporaryFolder(t)];
    const [raw, bomb] = [join(outside, 'raw'), join(outside, 'bomb')];
    const first = Buffer.alloc(2 * mib);
    first.writeUInt16BE(0x55aa, 510);
    await writeFile(raw, first);
    await engine.importBase({ layerId: base, ...(await contents({ disk: raw })) }, call);
    execFileSync('qemu-img', ['create', '-q', '-f', 'raw', raw, '1G']);
    execFileSync('qemu-io', ['-f', 'raw', '-c', 'write -P 170 0 400M', raw], { stdio: 'pipe' });
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-c', '-O', 'qcow2', raw, bomb]);
    const { free } = await room(folder);
    let least = free;
    const watch = setInterval(
      () => room(folder).then((now) => (least = Math.min(least, now.free))),
      10,
    );
    defer(t, () => clearInterval(watch));
    const importing = async (parentId: LayerId | null, bytesMax: number) =>
      engine.transfer.importLayer(
        { layerId: layerId(), parentId, bytesMax, disk: await fileContent(bomb) },
        call,
      );
    await assert.rejects(
      importing(null, 20 * mib),
      /more than the 20971520 bytes that there is room for/,
    );
    assert.ok(free - least < 40 * mib, `${free - least}`);
    for (const parentId of [null, base])
      await assert.rejects(importing(parentId, Number.MAX_SAFE_INTEGER), {
        code: 'no_capacity',
        retry: 'later',
      });
    assert.ok(least > (await room(folder)).reserve / 2, `${least}`);
    await assert.rejects(
      engine.importBase({ layerId: layerId(), ...(await contents({ disk: bomb })) }, call),
      // An ended tool closes its files a moment later, and has the room until then.
      /This may take 0\.4 GB and 0(\.1)? GB are left on the host/,
    );
    const many = await Promise.allSettled(
      [1, 2, 3].map(() => importing(base, Number.MAX_SAFE_INTEGER)),
    );
    assert.ok(many.every((one) => one.status === 'rejected' && one.reason.code === 'no_capacity'));
    // An ended tool closes its files a moment later.
    await waitFor('all is free again', async () => (await room(folder)).free === free);
    assert.deepEqual(await readdir(join(folder, 'engine', 'builds')), []);
  });
});

async function room(folder: string) {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { free: bavail * bsize, reserve: blocks * bsize * 0.05 };
}
