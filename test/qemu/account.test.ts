// The account of real disk bytes, on a small file system of its own: what it says is left is what
// the file system has. No machine is started.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { baseAdd } from '../../src/app/operator/base.ts';
import { localBlobs } from '../../src/blobs/local/blobs.ts';
import { upload } from '../../src/client/transfer.ts';
import { accountRoomBytes } from '../../src/domain/account.ts';
import { roomBytes } from '../../src/domain/host.ts';
import type { MachineId, TransferId } from '../../src/domain/ids.ts';
import { call } from '../call.ts';
import { diskId } from '../contract/engine/world.ts';
import { operatorOn } from '../operator.ts';
import { smallDisk } from '../small-disk.ts';
import { defer, leftOutWithoutRoot, type Scope, temporaryFolder, waitFor } from '../support.ts';
import { restMs, startQuick } from './quick-server.ts';

const mib = 1024 ** 2;
/** The store and the log of the server write a little meanwhile. */
const nearBytes = 3 * mib;

/**
 * Looks at a disk again and again; the function tells the least bytes that were free. For
 * information: the growth of files is looked at ten times a second, so a server that gets no
 * processor can see a disk full before it ends what fills it.
 */
function leastFree(t: Scope, folder: string): () => number {
  let least = Number.MAX_SAFE_INTEGER;
  const watch = setInterval(async () => {
    const { bavail, bsize } = await statfs(folder);
    least = Math.min(least, bavail * bsize);
  }, 5);
  defer(t, () => clearInterval(watch));
  return () => least;
}

/** The others are said of files that outgrow on a small disk what was reserved ahead of them. */
const lacking =
  /may take 0.[1-3] GB and 0.[1-3] GB are left on the host|takes more than the 0.[1-3] GB|% full/;

/** A small file that unpacks to a disk of so many bytes, none of which are holes. */
function packedDisk(bytes: number): Buffer {
  const disk = Buffer.alloc(bytes, randomBytes(16 * 1024));
  disk.fill(0, 0, 512);
  // A boot sector with code and no partitions.
  disk.writeUInt8(0xfa, 0);
  disk.writeUInt16BE(0x55aa, 510);
  return gzipSync(disk, { level: 1 });
}

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
      clientCode: 440,
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

  it('has room for one of two packed imports that each fit: one waits for the other, or ends with the reason', async (t) => {
    const dataDir = await smallDisk(t, 500);
    const s = await startQuick(t, { dataDir });
    const least = leastFree(t, dataDir);
    const opened = async (sizeMib: number) => {
      const file = packedDisk(sizeMib * mib);
      const { id } = await s.client.imageImport({ size_bytes: file.length });
      const read = async (at: number, length: number) => file.subarray(at, at + length);
      await upload(s.client, { url: s.url, ...s.key }, id, read);
      return id;
    };
    const ends = async (ids: string[]) => {
      const made = await Promise.all(ids.map((id) => s.client.transferFinish({ id })));
      return Promise.all(
        made.map(({ attributes: { id } }) =>
          waitFor(
            'the image is at rest',
            async () => {
              const { attributes } = await s.client.imageGet({ id });
              return ['available', 'failed'].includes(attributes.status) && attributes;
            },
            restMs,
          ),
        ),
      );
    };
    // Each needs its size twice at its end, and then once.
    const both = await ends([await opened(120), await opened(120)]);
    assert.deepEqual(
      both.map(({ status, status_reason: reason }) => [status, reason]),
      [
        ['available', null],
        ['available', null],
      ],
    );
    const [last] = await ends([await opened(130)]);
    assert.equal(last?.status, 'failed');
    assert.match(last?.status_reason ?? '', lacking);
    // Tools write on for a tenth of a second; that is what the reserve of the disk is for.
    t.diagnostic(`at least ${(least() / mib).toFixed(0)} MiB were free`);
    await s.assertSound();
    const { held } = (await s.store.read('system', (work) => work.account.host())) ?? {};
    assert.equal(held?.reservedBytes, 0);
  });

  it('has what bases take while they are added, and of two that do not fit one ends with the reason', async (t) => {
    const dataDir = await smallDisk(t, 420);
    const s = await startQuick(t, { dataDir });
    await s.reconciler.task('measure');
    const least = leastFree(t, dataDir);
    const folder = await temporaryFolder(t);
    const add = async (name: string) => {
      const disk = join(folder, `${name}.gz`);
      await writeFile(disk, packedDisk(100 * mib));
      const given = { name, files: { disk }, boot: { mode: 'bios' } } as const;
      return baseAdd(operatorOn(s.store), s.engine, given);
    };
    const ends = await Promise.allSettled([add('One'), add('Two')]);
    const reasons = ends.flatMap((end) => (end.status === 'rejected' ? end.reason.message : []));
    for (const reason of reasons) assert.match(reason, lacking);
    t.diagnostic(`at least ${(least() / mib).toFixed(0)} MiB were free`);
    if (reasons.length === 2) await add('Three');
    await s.assertSound();
    const { held } = (await s.store.read('system', (work) => work.account.host())) ?? {};
    assert.equal(held?.reservedBytes, 0);
  });
});
