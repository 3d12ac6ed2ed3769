// Isolation: in the scope of an organisation, rows of others do not exist. Every method of a noun
// whose rows belong to organisations has a case here, and a test checks that no case is missing.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DiskId, LayerId, MachineId, SoftwareId } from '../../../src/domain/ids.ts';
import type { Forward } from '../../../src/domain/machine-network.ts';
import { LeaseLost } from '../../../src/store/port/job.ts';
import type { Writer } from '../../../src/store/port/unit-of-work.ts';
import { changes, lists, misses, step, type Things, withoutCase } from './isolation-cases.ts';
import type { MakeWorld, World } from './world.ts';

/** A port leads to one machine of all organisations. */
const forwardOf = (machineId: MachineId): Forward => ({
  ...{ protocol: 'tcp', address: '127.0.0.1', port: 2000 + machineId, guestPort: 22 },
});

/** Both organisations stand on the same layer, as they do on a base. */
async function furnish(
  world: World,
  organisationId: World['ours'],
  { layerId, softwareId }: { layerId: LayerId; softwareId: SoftwareId },
) {
  const imageId = await world.imageOn(layerId, organisationId);
  const deletedId = await world.imageOn(layerId, organisationId);
  const machineId = await world.machine(organisationId);
  const deletedMachineId = await world.machine(organisationId);
  const diskId = await world.disk(machineId, layerId);
  const freshId = await world.disk(machineId, layerId, { state: 'fresh' });
  const transferId = await world.transfer(organisationId);
  const goneId = await world.transfer(organisationId);
  const keyId = await world.key(organisationId);
  const uid = world.newText();
  const expiresAt = world.now() + 1000;
  const networkDueAt = world.now();
  await world.write(async (work) => {
    await work.images.update(deletedId, { deletedAt: work.now() });
    const deletedUntil = work.now() + 1000;
    await work.machines.update(deletedMachineId, { deletedAt: work.now(), deletedUntil });
    await work.images.recordStep(imageId, step(1, softwareId));
    await work.machines.keepConsole(machineId, 'console');
    await work.machines.assign([machineId], imageId);
    await work.machines.update(machineId, { status: 'ready', networkDueAt });
    await work.disks.update(diskId, { storedBytes: 2 ** 30 });
    await work.transfers.delete(goneId);
    await work.events.addLog(imageId, { lines: ['line'] });
    const used = `used ${uid}`;
    for (const one of [uid, used])
      await work.access.add({
        ...{ uid: one, tokenHash: one, organisationId, machineId, keyId, expiresAt },
      });
    await work.access.use(used, `of ${uid}`);
  });
  await world.write(
    (work) =>
      work.audit.add({
        keyId,
        action: 'a',
        requestId: 'r',
        clientCode: 200,
        machineIds: [machineId],
      }),
    organisationId,
  );
  const forward = await world.write((work) =>
    work.forwards.add({ ...forwardOf(machineId), organisationId, machineId }),
  );
  assert.ok(forward);
  await world.store.publishEvents();
  const { webhook, deliveryId } = await world.webhook(organisationId);
  await world.webhook(organisationId, 'delivered');
  const id = await world.job({ kind: 'imageExport', organisationId, imageId, transferId });
  const job = await world.claim(id, 'owner');
  assert.ok(job);
  await world.write((work) => work.jobs.requestCancel(id));
  const ids = {
    imageId,
    deletedId,
    machineId,
    deletedMachineId,
    diskId,
    freshId,
    transferId,
    goneId,
  };
  const network = { networkDueAt, forwardId: forward.id };
  return {
    ...ids,
    jobId: id,
    job,
    uid,
    keyId,
    webhook,
    deliveryId,
    layerId,
    softwareId,
    ...network,
  };
}

/** The names of all methods of an object, and of the classes that it is made of. */
function methodsOf(object: object): string[] {
  const names: string[] = [];
  for (
    let at: object | null = object;
    at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at)
  )
    names.push(...Object.getOwnPropertyNames(at));
  return names;
}

/** Everything that belongs to an organisation, as the system sees it. */
async function everythingOf(world: World, things: Things, organisationId: World['ours']) {
  return world.read(
    async (work) => ({
      images: await work.images.list({ page: 1, perPage: 100 }),
      deleted: await work.images.list({ page: 1, perPage: 100, deleted: true }),
      steps: await work.images.steps(things.imageId).catch((error) => String(error)),
      machines: await work.machines.all(),
      deletedMachine: await work.machines.getDeleted(things.deletedMachineId),
      console: await work.machines.console(things.machineId),
      disks: await work.disks.list(),
      deletingDisks: await work.disks.deleting(Number.MAX_SAFE_INTEGER),
      jobs: await work.jobs.open(100),
      transfers: await work.transfers.list(),
      gone: await work.transfers.deleted(),
      link: await work.access.find(things.uid),
      forwards: await work.forwards.ofMachines([things.machineId]),
      events: await work.events.after(0, 100),
      webhooks: await work.webhooks.list(),
      deliveries: await work.webhooks.deliveries(things.webhook.id, 10),
      forgotten: await work.events.forgotten(),
      keys: await work.keys.list(),
      audit: await work.audit.list({ from: 0, to: Number.MAX_SAFE_INTEGER, limit: 100 }),
    }),
    organisationId,
  );
}

async function twoOrganisations(world: World) {
  const layerId = await world.layer();
  const recipe = { script: 'true', files: [], network: false, timeoutMs: 1 };
  const { id: softwareId } = await world.write((work) =>
    work.software.add({ name: 'title', sizeGb: 1, recipe }),
  );
  const below = { layerId, softwareId };
  const alone = await world.read((work) => work.jobs.open(1));
  assert.deepEqual(alone, []);
  const ours = await furnish(world, world.ours, below);
  return { ours, layerId, addTheirs: () => furnish(world, world.theirs, below) };
}

/** Names that are not part of the port. */
const internal = new Set([
  ...[
    'constructor',
    'db',
    'dialect',
    'now',
    'within',
    'tallied',
    'searched',
    'placesOf',
    'organisation',
    'assertOwn',
    'among',
    'insertAll',
    'unlocked',
    'selectRows',
    'inPages',
  ],
  ...['openJobs', 'rows', 'shown', 'visible', 'beyond', 'isSystem', 'wroteEvents', 'ended'],
]);

export const testIsolation = (make: MakeWorld) =>
  describe('an organisation', () => {
    it('finds no row of another organisation', async (t) => {
      const world = await make(t);
      const their = await (await twoOrganisations(world)).addTheirs();
      for (const [name, read] of Object.entries(misses)) {
        const found = await world.read((work) => read(work, their), world.ours).catch(() => []);
        assert.deepEqual(found ?? [], [], name);
        const own = await world.read((work) => read(work, their), world.theirs);
        if (name !== 'images.softwareOf' && name !== 'jobs.ofMachines')
          assert.notDeepEqual(own ?? [], [], `${name} finds its own`);
      }
    });

    it('has the same lists and counts whether there is another organisation or not', async (t) => {
      const world = await make(t);
      const { ours, addTheirs } = await twoOrganisations(world);
      const all = async () => {
        const found: Record<string, unknown> = {};
        for (const [name, read] of Object.entries(lists))
          found[name] = await world.read((work) => read(work, ours), world.ours);
        return found;
      };
      const before = await all();
      await addTheirs();
      assert.deepEqual(await all(), before);
    });

    it('changes no row of another organisation', async (t) => {
      const world = await make(t);
      const their = await (await twoOrganisations(world)).addTheirs();
      const before = await everythingOf(world, their, world.theirs);
      for (const [name, change] of Object.entries(changes)) {
        await world
          .write((work) => change(work, their), world.ours)
          .catch((error: unknown) => {
            if (!(error instanceof LeaseLost)) throw error;
          });
        assert.deepEqual(await everythingOf(world, their, world.theirs), before, name);
      }
    });

    it('adds no row for another organisation', async (t) => {
      const world = await make(t);
      const { theirs: organisationId } = world;
      const { layerId, machineId } = await (await twoOrganisations(world)).addTheirs();
      const image = { sizeGb: 1, source: 'seat', baseImageId: null, machineId: null } as const;
      const disk = { state: 'fresh', sizeGb: 1, imageId: null, replacesId: null } as const;
      const { machineTypeId } = world;
      const size = { machineType: 's', cpus: 1, memoryMb: 1, diskSizeGb: 1, region: null };
      const link = { uid: 'u', tokenHash: 'h', keyId: 'k' as never, expiresAt: 1 };
      const transfer = await world.read((work) => work.transfers.list(), organisationId);
      const keys = await world.read((work) => work.keys.list(), organisationId);
      const adds: ((work: Writer) => Promise<unknown>)[] = [
        (work) => work.images.add({ organisationId, name: null, ...image }),
        (work) =>
          work.machines.add({
            ...{ organisationId, machineTypeId, ...size, permissions: {}, assignedImageId: null },
          }),
        (work) =>
          work.disks.add({ id: 'new' as DiskId, organisationId, machineId, layerId, ...disk }),
        (work) => work.transfers.add({ ...transfer[0], id: 'new' } as never),
        (work) => work.access.add({ organisationId, machineId, ...link }),
        (work) => work.forwards.add({ organisationId, machineId, ...forwardOf(99 as MachineId) }),
        (work) => work.keys.add({ ...keys[0], id: 'new' } as never),
        (work) => work.jobs.enqueue([{ kind: 'machineStop', organisationId, machineId }]),
      ];
      for (const add of adds) await assert.rejects(world.write(add, world.ours), TypeError);
    });

    it('has a case for every method of the nouns whose rows belong to organisations', async (t) => {
      const world = await make(t);
      const cases = new Set(
        [misses, lists, changes].flatMap((table) => Object.keys(table)).concat(...withoutCase),
      );
      await world.write(async (work) => {
        const nouns = [
          'images',
          'machines',
          'disks',
          'jobs',
          'keys',
          'transfers',
          'access',
          'audit',
          'events',
          'webhooks',
        ] as const;
        for (const noun of [...nouns, 'usage'] as const) {
          const own = new Set(methodsOf(work[noun])).difference(internal);
          const missing = [...own].filter((name) => !cases.has(`${noun}.${name}`));
          assert.deepEqual(missing, [], `methods of ${noun} without a case`);
        }
      });
    });
  });
