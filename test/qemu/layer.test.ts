// Layers on real disks: undo restores a disk byte for byte, damage is found before the layer is
// used, and long chains are rewritten with equal content.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { DiskId, LayerId, MachineId } from '../../src/domain/ids.ts';
import { shownLayer } from '../../src/domain/layer.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { fileSink } from '../../src/lib/content.ts';
import { sha256File } from '../../src/lib/files.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { diskId, layerId } from '../contract/engine/world.ts';
import { temporaryFolder, waitFor } from '../support.ts';
import { flipFourBytes } from './damage.ts';
import { startServer } from './server.ts';

const mib = 1024 ** 2;
/** The base boots by its firmware, so an export has no kernel after the disk. */
const alone = { boot: { mode: 'bios' }, baseLayerId: layerId(), bytesMax: 1024 * mib } as const;

/**
 * Returns the texts that a file contains. A line of grep ends here at a zero byte, so that grep
 * leaves out the holes of the disk; else they are one line of gigabytes, in memory.
 */
function textsIn(path: string, texts: readonly string[]): string[] {
  const patterns = texts.flatMap((text) => ['-e', text]);
  const found = spawnSync('grep', ['-z', '-a', '-o', '-F', ...patterns, path], {
    encoding: 'utf8',
    maxBuffer: 64 * mib,
  });
  return [...new Set(found.stdout.split('\0'))].filter((text) => text !== '').sort();
}

describe('layers on real disks', () => {
  it('are rewritten on a lower layer with equal content, also for disks on top, and leave no file', async (t) => {
    const folder = await temporaryFolder(t);
    const root = join(folder, 'engine');
    const engine = await openQemu({ root });
    const raw = join(folder, 'base.raw');
    const boot = Buffer.alloc(2 * mib);
    boot.writeUInt16BE(0x55aa, 510);
    await writeFile(raw, boot);
    const base = layerId();
    await engine.importBase({ layerId: base, ...(await contents({ disk: raw })) }, call);
    const sizeBytes = 256 * mib;
    const disk = diskId();
    const diskPath = join(root, 'disks', `${disk}.qcow2`);
    const write = (path: string, pattern: number, offsetMib: number) =>
      execFileSync('qemu-io', ['-f', 'qcow2', '-c', `write -P ${pattern} ${offsetMib}M 3M`, path], {
        stdio: 'pipe',
      });
    await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes }, call);
    const layers: LayerId[] = [];
    for (let round = 1; round <= 10; round++) {
      // Each round writes over a part of the one before.
      write(diskPath, round, 2 * round);
      const layer = layerId();
      await engine.sealDisk({ diskId: disk, layerId: layer, sizeBytes }, call);
      layers.push(layer);
    }
    write(diskPath, 99, 5);
    const flat = (path: string, name: string) =>
      execFileSync('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', path, join(folder, name)], {
        stdio: 'pipe',
      });
    const head = layers.at(-1) as LayerId;
    const headPath = join(root, 'layers', `${head}.qcow2`);
    flat(headPath, 'head.raw');
    flat(diskPath, 'disk.raw');

    await engine.compact.rewrite(
      {
        layerId: head,
        parentId: base,
        chain: [...layers.toReversed(), base],
      },
      call,
    );
    for (const between of layers.slice(0, -1)) await engine.removeLayer(between, call);
    const compare = (path: string, name: string) =>
      execFileSync('qemu-img', ['compare', '-f', 'qcow2', '-F', 'raw', path, join(folder, name)], {
        stdio: 'pipe',
      });
    assert.match(compare(headPath, 'head.raw').toString(), /identical/);
    assert.match(compare(diskPath, 'disk.raw').toString(), /identical/);
    const chain = JSON.parse(
      execFileSync('qemu-img', ['info', '--backing-chain', '--output=json', diskPath]).toString(),
    ) as unknown[];
    assert.equal(chain.length, 3);
    assert.deepEqual([...(await engine.inventory(call)).layers.keys()].sort(), [base, head].sort());
  });

  it('restore a disk byte for byte, and are not used after four bytes have changed', async (t) => {
    const s = await startServer(t, []);
    const [first = 0, second = 0] = s.machines;
    const diskOf = async (id: number) => {
      const { diskId } = await s.store.read('system', (work) => work.machines.get(id as MachineId));
      return diskId as DiskId;
    };
    const file = (kind: 'disks' | 'layers', id: string) =>
      join(s.dataDir, 'engine', kind, `${id}.qcow2`);
    await s.client().machineStart({ id: first });
    await s.machine(first, 'ready');
    const { stdout: told } = await s.engine.exec.run(
      { machineId: first as MachineId, command: ['/bin/cat', '/etc/machine-id'] },
      call,
    );
    await s.inside(
      first,
      'yes removed-in-bulk | head -c 60M > /root/big; echo removed-alone > /root/small; sync; rm /root/big /root/small; ' +
        'echo precious > /root/note; echo typed-secret > /root/.bash_history; echo KEY=1 > /root/.env; ' +
        'printf -- "-----BEGIN OPENSSH PRIVATE KEY-----\\n" > /root/id_test; sync',
    );
    await s.client().machineStop({ id: first, gracefully: true });
    await s.machine(first, 'off');
    const captured = (await s.client().imageCapture({ machine_id: first, generalize: true }))
      .attributes.id;
    assert.equal((await s.image(captured)).status, 'available');
    const { report } = await s.client().imageLog({ id: captured });
    for (const line of [
      /^cleared: machine id$/m,
      /^cleared: host name$/m,
      /^cleared: journal of the file system$/m,
      /^cleared: free blocks$/m,
      /^cleared: shell and tool histories$/m,
      /^cleared: identity given by the seed$/m,
      /^warning: may hold secrets: \/root\/\.env$/m,
      /^warning: holds a private key: \/root\/id_test$/m,
    ])
      assert.match(report ?? '', line);
    const raw = join(s.dataDir, 'generalised.raw');
    const { layerId: top, chain } = await s.store.read('system', async (work) => {
      const { layerId } = await work.images.get(captured as never);
      return { layerId, ...(await work.layers.bootOf(await work.layers.get(layerId as LayerId))) };
    });
    await s.engine.transfer.exportLayer(
      { layerId: top as LayerId, format: 'raw', to: fileSink(raw), ...alone, chain },
      call,
    );
    const onDisk = (path: string) =>
      execFileSync('debugfs', ['-R', `cat ${path}`, raw], { stdio: 'pipe' }).toString();
    assert.deepEqual(
      [onDisk('/root/note'), onDisk('/root/.bash_history'), onDisk('/etc/machine-id')],
      ['precious\n', '', ''],
    );
    // The capture contains no byte of the files that were removed before it, and none of those that
    // the generalisation reports as cleared.
    const { parentId: sealed } = await s.store.read('system', (work) =>
      work.layers.get(top as LayerId),
    );
    assert.ok((await stat(file('layers', sealed as string))).blocks * 512 < 40 * mib);
    const cleared = [
      'removed-in-bulk',
      'removed-alone',
      'typed-secret',
      told.trim(),
      await diskOf(first),
    ];
    assert.deepEqual(textsIn(raw, [...cleared, 'precious']), ['precious']);

    // A reset gives another disk. Its undo restores the same file with the same bytes.
    await s.client().imageAssign({ id: captured, machine_ids: [second] });
    const own = await diskOf(first);
    const before = await sha256File(file('disks', own));
    await s.client().machineReset({ id: first });
    await s.client().machineStart({ id: first });
    await s.machine(first, 'ready');
    assert.equal(await s.inside(first, 'cat /root/note 2>/dev/null || echo new'), 'new');
    await s.client().machineStop({ id: first });
    await s.machine(first, 'off');
    await s.client().machineRestore({ id: first });
    assert.equal(await diskOf(first), own);
    assert.equal(await sha256File(file('disks', own)), before);

    const { layerId: head } = await s.store.read('system', (work) =>
      work.images.get(captured as never),
    );
    const layer = async () =>
      shownLayer(await s.store.read('system', (work) => work.layers.get(head as LayerId)));
    await waitFor('the digest is taken', async () => (await layer()).digest !== null, 60_000, 200);
    await flipFourBytes(file('layers', head as string));
    await s.client().machineStart({ id: second });
    await waitFor(
      'the rot is found',
      async () => (await layer()).state === 'quarantined',
      60_000,
      100,
    );
    assert.match((await s.machine(second, 'off')).status_reason ?? '', /is damaged/);
    const { attributes } = await s.client().imageGet({ id: captured });
    assert.deepEqual(
      [attributes.status, /its bytes are not what they were/.test(attributes.status_reason ?? '')],
      ['failed', true],
    );
    assert.equal((await s.engine.runningMachines(call)).size, 0);
  });
});
