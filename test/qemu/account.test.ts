// The account of real disk bytes, on a small file system of its own: what it says is left is what
// the file system has. No machine is started.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { localBlobs } from '../../src/blobs/local/blobs.ts';
import { accountRoomBytes } from '../../src/domain/account.ts';
import { roomBytes } from '../../src/domain/host.ts';
import type { MachineId, TransferId } from '../../src/domain/ids.ts';
import { call } from '../call.ts';
import { diskId } from '../contract/engine/world.ts';
import { smallDisk } from '../small-disk.ts';
import { leftOutWithoutRoot } from '../support.ts';
import { startQuick } from './quick-server.ts';

const mib = 1024 ** 2;
/** The store and the log of the server write a little meanwhile. */
const nearBytes = 3 * mib;

const assertNear = (found: number, wanted: number, what: string) =>
  assert.ok(Math.abs(found - wanted) < nearBytes, `${what}: ${found}, not ${wanted}`);

describe('the account of a real disk', { skip: leftOutWithoutRoot }, () => {
  it('is what the file system has, without what is promised: uploads, disks, and their removal', async (t) => {
    const dataDir = await smallDisk(t, 400);
    const s = await startQuick(t, { dataDir });
    const measure = () => s.reconciler.task('measure');
    const account = async () => {
      const found = await s.store.read('system', (work) => work.account.host());
      assert.ok(found);
      return found;
    };
    const room = async () => accountRoomBytes(await account());
    const onDisk = async () => {
      const { bavail, blocks, bsize } = await statfs(dataDir);
      return roomBytes({ freeBytes: bavail * bsize, totalBytes: blocks * bsize });
    };
    await measure();
    const before = await room();
    assertNear(before, await onDisk(), 'at rest');

    // Two uploads, each of which fits: the file and the layer that is made of it.
    const size = 100 * mib;
    const { id } = await s.client.imageImport({ size_bytes: size });
    assertNear(await room(), before - 2 * size, 'with an upload that has sent nothing');
    await assert.rejects(s.client.imageImport({ size_bytes: size }), {
      clientCode: 503,
      message: /may take 0.2 GB and 0.2 GB are left on the host beside 0.2 GB promised/,
    });
    const part = randomBytes(4 * mib);
    const blobs = localBlobs(join(dataDir, 'transfers'));
    for (let offset = 0; offset < 40 * mib; offset += part.length) {
      await blobs.writePart(id as TransferId, offset, part);
      await s.store.write('system', (work) =>
        work.transfers.update(id as TransferId, { receivedBytes: offset + part.length }),
      );
    }
    assertNear(await room(), before - 2 * size, 'with half of it sent');
    await measure();
    assertNear(await room(), before - 2 * size, 'after a measurement');
    assertNear(await onDisk(), before - 40 * mib, 'the file system');
    await s.client.transferDelete({ id });
    await s.reconciler.task('collect');
    assertNear(await room(), before, 'without the upload');

    // A disk grows, and counts until its bytes are gone.
    const disk = diskId();
    const base = await s.store.write('system', async (work) => {
      const { layerId } = await work.bases.get();
      const { organisationId } = await work.machines.get(s.machine as MachineId);
      const rest = { state: 'active', sizeGb: 1, imageId: null, replacesId: null } as const;
      const machineId = s.machine as MachineId;
      await work.disks.add({ id: disk, organisationId, machineId, layerId, ...rest });
      await work.machines.update(machineId, { diskId: disk });
      return layerId;
    });
    await s.engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes: 1024 * mib }, call);
    const path = join(dataDir, 'engine', 'disks', `${disk}.qcow2`);
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 7 0 60M', path], { stdio: 'pipe' });
    await measure();
    assertNear(await room(), before - 60 * mib, 'with a disk that has grown');
    assertNear(await onDisk(), before - 60 * mib, 'the file system');
    const { disks_gb: disksGb, stored_gb: stored } = await s.client.usageGet({});
    assertNear(disksGb * 1024 * mib, 60 * mib, 'the usage');
    assertNear(stored.used * 1024 * mib, 60 * mib, 'the quota');
    await s.client.machineReset({ id: s.machine });
    assertNear(await room(), before - 60 * mib, 'with a kept disk');
    await s.store.write('system', (work) => work.disks.releaseKept(Number.MAX_SAFE_INTEGER));
    assertNear(await room(), before - 60 * mib, 'with a disk that is being removed');
    await s.reconciler.task('collect');
    assertNear(await room(), before, 'without it');
    await measure();
    assertNear(await room(), await onDisk(), 'at the end');
  });
});
