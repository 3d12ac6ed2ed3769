// Exports images to files and imports them, on real disks; some imports are refused.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { AppError } from '../../src/domain/error.ts';
import type { LayerId } from '../../src/domain/ids.ts';
import { partsOf } from '../../src/engine/optional/transfer.ts';
import { withoutJob } from '../../src/engine/port/call.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { fileContent, fileSink } from '../../src/lib/content.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { diskId, layerId } from '../contract/engine/world.ts';
import { temporaryFolder } from '../support.ts';
import { flipFourBytes } from './damage.ts';

const mib = 1024 ** 2;
/** The base boots by its firmware, so an export has no kernel after the disk. */
const alone = { boot: { mode: 'bios' }, baseLayerId: layerId(), bytesMax: 1024 * mib } as const;

/**
 * Opens an engine with a base of 2 MiB and a layer on it that has written bytes, and makes a raw
 * file with the layer's content.
 */
async function chained(t: Parameters<typeof temporaryFolder>[0]) {
  const folder = await temporaryFolder(t);
  const root = join(folder, 'engine');
  const engine = await openQemu({ root });
  const boot = Buffer.alloc(2 * mib, 7);
  boot.writeUInt16BE(0x55aa, 510);
  await writeFile(join(folder, 'base.raw'), boot);
  const [base, layer, disk] = [layerId(), layerId(), diskId()];
  await engine.importBase(
    { layerId: base, ...(await contents({ disk: join(folder, 'base.raw') })) },
    call,
  );
  const sizeBytes = 64 * mib;
  await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes }, call);
  execFileSync('qemu-io', [
    '-f',
    'qcow2',
    '-c',
    'write -P 65 8M 5M',
    join(root, 'disks', `${disk}.qcow2`),
  ]);
  await engine.sealDisk({ diskId: disk, layerId: layer, sizeBytes }, call);
  const path = (id: LayerId) => join(root, 'layers', `${id}.qcow2`);
  const same = (a: string, b: string, format = 'qcow2') =>
    /identical/.test(
      execFileSync('qemu-img', ['compare', '-f', format, '-F', 'qcow2', a, b]).toString(),
    );
  return { folder, root, engine, base, layer, disk, sizeBytes, path, same };
}

describe('images as files', () => {
  it('are exported with the content of their chain, and imported as the difference from the base', async (t) => {
    const { folder, engine, base, layer, path, same } = await chained(t);
    const [qcow2, raw] = [join(folder, 'out.qcow2'), join(folder, 'out.raw')];
    await engine.transfer.exportLayer(
      { layerId: layer, format: 'qcow2', to: fileSink(qcow2), ...alone, chain: [layer, base] },
      call,
    );
    await engine.transfer.exportLayer(
      { layerId: layer, format: 'raw', to: fileSink(raw), ...alone, chain: [layer, base] },
      call,
    );
    assert.ok(same(qcow2, path(layer)) && same(raw, path(layer), 'raw'));
    const info = JSON.parse(execFileSync('qemu-img', ['info', '--output=json', qcow2]).toString());
    assert.equal(info['backing-filename'], undefined);
    assert.equal(info['format-specific'].data['compression-type'], 'zstd');

    const bytesMax = 1024 * mib;
    for (const file of [qcow2, raw]) {
      const [onBase, alone] = [layerId(), layerId()];
      const small = await engine.transfer.importLayer(
        { layerId: onBase, parentId: base, bytesMax, disk: await fileContent(file) },
        call,
      );
      const large = await engine.transfer.importLayer(
        { layerId: alone, parentId: null, bytesMax, disk: await fileContent(file) },
        call,
      );
      assert.ok(same(path(onBase), path(layer)) && same(path(alone), path(layer)));
      assert.equal(small.virtualBytes, 64 * mib);
      // The import does not store the 2 MiB of the base again.
      assert.ok(
        small.storedBytes < large.storedBytes,
        `${small.storedBytes} < ${large.storedBytes}`,
      );
    }
    // When the root has a kernel beside it, an export in either format includes the kernel, and the
    // import keeps it beside the standalone layer.
    await writeFile(join(folder, 'engine', 'layers', `${base}.vmlinuz`), 'a kernel');
    await writeFile(join(folder, 'engine', 'layers', `${base}.initrd`), 'an initrd!');
    const boot = { mode: 'direct', append: '', buildAppend: null } as const;
    for (const [format, compression] of [
      ['qcow2', 'zstd'],
      ['raw', 'none'],
      ['raw', 'zstd'],
    ] as const) {
      const [out, root] = [join(folder, `booted.${format}.${compression}`), layerId()];
      const spec = {
        layerId: layer,
        format,
        compression,
        to: fileSink(out),
        boot,
        baseLayerId: base,
        chain: [layer, base],
        bytesMax,
      };
      const { bytes, tail } = await engine.transfer.exportLayer(spec, call);
      assert.deepEqual(
        [bytes, tail],
        [(await stat(out)).size, { kernelBytes: 8, initrdBytes: 10 }],
      );
      assert.deepEqual(await engine.bootCheck.fault({ boot, baseLayerId: layer }, call), {
        says: 'its kernel is missing on the disk of the host',
        sure: true,
      });
      // What follows the disk is compressed with it.
      const file = await fileContent(out);
      const isPacked = format === 'raw' && compression !== 'none';
      const parts = isPacked ? { disk: file, tail } : partsOf(file, tail);
      await engine.transfer.importLayer(
        { layerId: root, parentId: null, bytesMax, ...parts },
        call,
      );
      assert.ok(same(path(root), path(layer)));
      assert.equal(await engine.bootCheck.fault({ boot, baseLayerId: root }, call), null);
      const kept = await readFile(join(folder, 'engine', 'layers', `${root}.initrd`), 'utf8');
      assert.equal(kept, 'an initrd!');
      await engine.removeLayer(root, call);
      assert.deepEqual(
        (await readdir(join(folder, 'engine', 'layers'))).filter((name) => name.startsWith(root)),
        [],
      );
    }
    const controller = new AbortController();
    controller.abort(new Error('stop'));
    await assert.rejects(
      engine.transfer.exportLayer(
        {
          layerId: layer,
          format: 'raw',
          to: fileSink(join(folder, 'cut')),
          ...alone,
          chain: [layer, base],
        },
        withoutJob(controller.signal),
      ),
    );
    assert.deepEqual(await readdir(join(folder, 'engine', 'builds')), []);
  });

  it('repair a layer of which four bytes have changed, under its own id, and the disks on it', async (t) => {
    const { folder, root, engine, base, layer, disk, path, same } = await chained(t);
    const file = join(folder, 'export.qcow2');
    await engine.transfer.exportLayer(
      { layerId: layer, format: 'qcow2', to: fileSink(file), ...alone, chain: [layer, base] },
      call,
    );
    const diskPath = join(root, 'disks', `${disk}.qcow2`);
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 66 9M 1M', diskPath]);
    execFileSync('qemu-img', [
      'convert',
      '-f',
      'qcow2',
      '-O',
      'qcow2',
      diskPath,
      join(folder, 'disk.qcow2'),
    ]);
    await flipFourBytes(path(layer));
    await engine.transfer.importLayer(
      { layerId: layer, parentId: base, bytesMax: 1024 * mib, disk: await fileContent(file) },
      call,
    );
    assert.ok(same(file, path(layer)));
    assert.ok(same(join(folder, 'disk.qcow2'), diskPath));
  });

  it('are refused when they need more room than there is, or their header is malformed anywhere', async (t) => {
    const { folder, root, engine, base, layer } = await chained(t);
    const file = join(folder, 'bomb.qcow2');
    await engine.transfer.exportLayer(
      { layerId: layer, format: 'qcow2', to: fileSink(file), ...alone, chain: [layer, base] },
      call,
    );
    const whole = await readFile(file);
    const id = layerId();
    const importing = async (parentId: LayerId | null, bytesMax = 64 * mib) =>
      engine.transfer.importLayer(
        { layerId: id, parentId, bytesMax, disk: await fileContent(file) },
        call,
      );
    // The file has kilobytes compressed, and 5 MiB unpacked.
    assert.ok(whole.length < mib);
    await assert.rejects(
      importing(base, 3 * mib),
      /more than the 3145728 bytes that there is room for/,
    );
    let refused = 0;
    for (let at = 0; at < 112; at += 4) {
      const bent = Buffer.from(whole);
      bent.writeUInt32BE((bent.readUInt32BE(at) ^ 0xa5a5a5a5) >>> 0, at);
      await writeFile(file, bent);
      await importing(null).catch((error) => {
        assert.ok(error instanceof AppError, `${at}: ${error}`);
        refused++;
      });
      await engine.removeLayer(id, call);
    }
    t.diagnostic(`${refused} of 28 bent headers refused`);
    assert.ok(refused >= 15);
    assert.deepEqual(await readdir(join(root, 'builds')), []);
    assert.deepEqual(
      [...(await engine.inventory(call)).layers.keys()].sort(),
      [base, layer].sort(),
    );
  });
});
