// The account: its sums are those of the rows after every change, and it says what is left.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertGuestFits, isSomething, nothingHeld } from '../../../src/domain/account.ts';
import type { LayerId } from '../../../src/domain/ids.ts';
import type { HeldOfKind } from '../../../src/store/port/account.ts';
import type { Measured } from '../../../src/store/port/host.ts';
import type { MakeWorld, World } from './world.ts';

const gb = 1024 ** 3;
const measured: Measured = {
  totalBytes: 100 * gb,
  freeBytes: 50 * gb,
  knownBytes: 0,
  memoryMb: 4096,
  cpus: 8,
  growthBytes: gb,
  buildPlaces: 2,
};

/** The kept sums, after it was checked that they are those of the rows. */
async function kept(world: World): Promise<Record<string, HeldOfKind>> {
  const [sums, rows] = await world.read(async ({ account }) => [
    await account.kinds(),
    await account.recounted(),
  ]);
  assert.deepEqual(sums.filter(isSomething), rows);
  return Object.fromEntries(sums.map((one) => [one.kind, one]));
}

const of = (kind: string, change: Partial<HeldOfKind>): HeldOfKind => ({
  ...nothingHeld,
  kind,
  things: 1,
  ...change,
});

function testSums(make: MakeWorld) {
  it('counts a machine while it is on or starting, and not while an image of it is made', async (t) => {
    const world = await make(t);
    const id = await world.machine();
    const image = await world.image();
    const on = of('machine', { memoryMb: 512, cpus: 1 });
    const become = (change: object) => world.write((work) => work.machines.update(id, change));
    assert.equal((await kept(world)).machine, undefined);
    await become({ status: 'turning_on' });
    assert.deepEqual((await kept(world)).machine, on);
    await become({ status: 'ready', memoryMb: 2048, cpus: 2 });
    assert.deepEqual((await kept(world)).machine, { ...on, memoryMb: 2048, cpus: 2 });
    await become({ status: 'off' });
    assert.deepEqual((await kept(world)).machine, { ...nothingHeld, kind: 'machine' });
    await become({ status: 'installing', capturingImageId: image.id });
    assert.deepEqual((await kept(world)).machine, { ...nothingHeld, kind: 'machine' });
  });

  it('counts an upload once while it comes, and the layer that is made of it', async (t) => {
    const world = await make(t);
    const id = await world.transfer();
    const change = (to: object) => world.write((work) => work.transfers.update(id, to));
    assert.deepEqual((await kept(world)).transfer, of('transfer', { reservedBytes: 200 }));
    await change({ receivedBytes: 60 });
    const coming = of('transfer', { bytes: 60, reservedBytes: 140 });
    assert.deepEqual((await kept(world)).transfer, coming);
    await change({ receivedBytes: 100, status: 'building' });
    assert.deepEqual(
      (await kept(world)).transfer,
      of('transfer', { bytes: 100, reservedBytes: 100 }),
    );
    await change({ status: 'available' });
    assert.deepEqual((await kept(world)).transfer, of('transfer', { bytes: 100 }));
    await world.write((work) => work.transfers.delete(id));
    assert.deepEqual((await kept(world)).transfer, of('transfer', { bytes: 100 }));
    await world.write((work) => work.transfers.remove(id));
    assert.equal((await kept(world)).transfer?.bytes, 0);
  });

  it('counts an intake while it grows: its files for the host, its layer for its organisation too', async (t) => {
    const world = await make(t);
    const layerId = 'layer' as LayerId;
    const hold = (scratch: [number, number], layer: number, expiresAt = world.now() + 10) =>
      world.write((work) =>
        work.intakes.hold([
          {
            ...{ layerId, part: 'scratch', organisationId: null, expiresAt },
            ...{ bytes: scratch[0], reservedBytes: scratch[1] },
          },
          {
            ...{ layerId, part: 'layer', organisationId: world.ours, expiresAt },
            ...{ bytes: layer, reservedBytes: 0 },
          },
        ]),
      );
    await hold([0, 50], 0);
    assert.deepEqual((await kept(world)).intake, of('intake', { things: 2, reservedBytes: 50 }));
    await hold([30, 20], 70);
    assert.deepEqual(
      (await kept(world)).intake,
      of('intake', { things: 2, bytes: 100, reservedBytes: 20 }),
    );
    const [own] = await world.read((work) => work.account.kinds(), world.ours);
    assert.deepEqual(own, of('intake', { bytes: 70 }));
    assert.equal(await world.read((work) => work.usage.storedBytes(), world.ours), 70);
    await world.write((work) => work.intakes.removeExpired(world.now() + 10));
    assert.equal((await world.read((work) => work.intakes.partsOf(layerId))).length, 2);
    await world.write((work) => work.intakes.removeExpired(world.now() + 11));
    assert.equal((await kept(world)).intake?.bytes, 0);
    await hold([1, 1], 1);
    await world.write((work) => work.intakes.remove(layerId));
    await world.write((work) => work.intakes.remove(layerId));
    assert.equal((await kept(world)).intake?.bytes, 0);
    assert.deepEqual(await world.read((work) => work.intakes.partsOf(layerId)), []);
  });

  it('counts disks and layers until their rows are gone, and jobs until they end', async (t) => {
    const world = await make(t);
    const layerId = await world.layer({ kind: 'capture', organisationId: world.ours });
    const diskId = await world.disk(await world.machine(), layerId);
    await world.write((work) => work.disks.setStoredBytes([{ id: diskId, storedBytes: 700 }]));
    assert.equal((await kept(world))['disk.active']?.bytes, 700);
    await world.write((work) =>
      work.disks.update(diskId, { state: 'deleting', deletingAt: work.now() }),
    );
    assert.equal((await kept(world))['disk.deleting']?.bytes, 700);
    await world.write((work) => work.disks.remove(diskId));
    assert.equal((await kept(world))['disk.deleting']?.bytes, 0);
    const { organisationId } = { organisationId: world.ours };
    const image = await world.image();
    const id = await world.job({
      kind: 'imageInstall',
      organisationId,
      imageId: image.id,
      ...{ reservedBytes: 900, memoryMb: 1024, cpus: 2 },
    });
    const job = await world.claim(id, 'owner');
    assert.ok(job);
    assert.deepEqual(
      (await kept(world)).imageInstall,
      of('imageInstall', { reservedBytes: 900, memoryMb: 1024, cpus: 2 }),
    );
    await world.write((work) => work.jobs.fencedUpdate(job, { reservedBytes: 100 }));
    assert.equal((await kept(world)).imageInstall?.reservedBytes, 100);
    await world.write((work) => work.jobs.fencedUpdate(job, { state: 'failed' }));
    assert.equal((await kept(world)).imageInstall?.memoryMb, 0);
  });
}

function testHost(make: MakeWorld) {
  it('is of the whole host: machines of all organisations, and builds that run at once', async (t) => {
    const world = await make(t);
    const host = () => world.read((work) => work.account.host(), world.ours);
    assert.equal(await host(), undefined);
    await world.write((work) => work.host.setMeasured(measured));
    const before = await host();
    for (const organisationId of [world.ours, world.theirs]) {
      const id = await world.machine(organisationId);
      await world.write((work) => work.machines.update(id, { status: 'ready' }));
    }
    for (const memoryMb of [1000, 3000, 2000]) {
      const { id: imageId } = await world.image();
      const build = { kind: 'imageInstall', organisationId: world.ours, imageId } as const;
      await world.job({ ...build, reservedBytes: 10, memoryMb, cpus: 1 });
    }
    const account = await host();
    assert.ok(account && before);
    // The third build waits for the place of another one, so the two largest count.
    assert.equal(account.held.memoryMb, 2 * 512 + 3000 + 2000);
    assert.equal(account.held.cpus, 2 + 2);
    assert.equal(account.held.reservedBytes - before.held.reservedBytes, 2 * gb + 30);
    assert.deepEqual(account.capacity, { totalBytes: 100 * gb, freeBytes: 50 * gb });
    assert.throws(() => assertGuestFits(account, { memoryMb: 1, cpus: 1 }, 'It'), {
      code: 'no_capacity',
      message: /needs 1 MB of memory, and 0 of the 4096/,
    });
  });
}

export const testAccount = (make: MakeWorld) =>
  describe('the account', () => {
    testSums(make);
    testHost(make);
  });
