// Upgrades, which every database runs: a store of each earlier version is migrated with all of its
// data.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ImageId, LayerId, MachineId, OrganisationId } from '../../src/domain/ids.ts';
import type { Store } from '../../src/store/port/unit-of-work.ts';
import type { Scope } from '../support.ts';
import { at } from './upgrade/rows.ts';
import { triedVersions, versions } from './upgrade/schemas.ts';

interface OldStore {
  /** Runs a statement on the old schema. */
  run(statement: string): Promise<void>;
  /** Opens the store, and so upgrades it; it is closed after the test. */
  open(now?: () => number): Promise<Store>;
}

/** Makes a store of a version, with the rows of `upgrade/rows.ts`. */
type MakeOld = (t: Scope, version: string) => Promise<OldStore>;

export const testUpgrades = (database: string, make: MakeOld) =>
  describe(`a store with data in it, on ${database}`, () => {
    for (const version of triedVersions) {
      it(`as ${version} left it is brought up to date, with all its data`, async (t) => {
        const store = await (await make(t, version)).open(() => at + 1000);
        await store.read(1 as OrganisationId, async (work) => {
          const { images } = await work.images.list({ page: 1, perPage: 10 });
          assert.deepEqual(
            images.map(({ id, status }) => [id, status]),
            [
              [2, 'pending'],
              [1, 'available'],
            ],
          );
          assert.equal(await work.images.stepOutput(1 as ImageId, 1, 0, 100), 'said');
          const machine = await work.machines.get(1 as MachineId);
          assert.deepEqual(
            [machine.diskId, machine.assignedImageId, machine.priorImageId],
            ['disk', 1, null],
          );
          assert.deepEqual(
            (await work.disks.ofMachine(machine.id)).map(({ id }) => id),
            ['disk'],
          );
          const chain = await work.layers.chain('capture' as LayerId);
          assert.deepEqual(
            chain.map(({ id, copies }) => [id, copies.map(({ state }) => state)]),
            [
              ['capture', ['sound']],
              ['step', ['sound']],
              ['base', ['sound']],
            ],
          );
          // Each root has its boot profile, and each capture has its organisation.
          for (const id of ['capture', 'alone'] as LayerId[]) {
            const layer = await work.layers.get(id);
            assert.deepEqual((await work.layers.bootOf(layer)).boot, { mode: 'bios' });
            assert.deepEqual(
              [layer.organisationId, (await work.layers.get('step' as LayerId)).organisationId],
              [1, null],
            );
          }
          assert.equal((await work.usage.of([])).quotas.images > 0, true);
          assert.deepEqual(
            (await work.layers.cache()).map(({ id }) => id),
            ['step'],
          );
          assert.equal((await work.software.list()).length, 1);
          // The base that is in use counts as working; the other base does not.
          assert.deepEqual(
            (await work.bases.list()).map(({ id, provedAt }) => [id, provedAt]),
            [
              [1, at],
              [2, null],
            ],
          );
          assert.equal((await work.bases.get()).id, 1);
        });
        // The account of the old rows is counted.
        await store.read('system', async ({ account }) =>
          assert.deepEqual(await account.kinds(), await account.recounted()),
        );
        // Older versions remembered only nonces, so all earlier signatures of a key count as used.
        const last = versions.indexOf(version) < versions.indexOf('0011-signatures') ? at : 0;
        await store.write('system', async (work) => {
          const use = (key: string, signature: string, expiresAt: number) =>
            work.signatures.use(key as never, signature, expiresAt);
          assert.equal(await use('key-1', 'captured', at), last < at);
          assert.deepEqual(
            [await use('key-1', 'new', at + 1), await use('key-2', 'captured', at)],
            [true, true],
          );
          assert.equal(await use('key-1', 'new', at + 1), false);
        });
        // The job that was under way is claimed again.
        const [claimed] = await store.write('system', (work) =>
          work.jobs.claim([1 as never], 'heir', 1000),
        );
        assert.equal(claimed?.attempts, 2);
        await store.write('system', async (work) => {
          await work.layers.markDeleting(await work.layers.unneeded(100));
          await work.disks.markDeleting();
          assert.deepEqual(
            [await work.layers.deleting(at * 2), await work.disks.deleting(at * 2)],
            [[], []],
          );
        });
      });
    }

    it('keeps the subjects of its open jobs, and the ids that they began', async (t) => {
      const old = await make(t, '0016-words');
      const job = (kind: string, data: object) =>
        old.run(`insert into job (kind, organisation_id, state, phase, progress, attempts,
        not_before, data, created_at, updated_at)
        values ('${kind}', 1, 'queued', 'p', 0, 1, 0, '${JSON.stringify(data)}', ${at}, ${at})`);
      await job('imageCapture', {
        generalize: true,
        layerId: 'low',
        generalId: 'high',
        failures: 2,
      });
      await job('imageImport', { transferId: 'transfer', healLayerId: 'healed' });
      await job('layerCompact', { layerId: 'tall', digest: 'sha256:1' });
      await job('machineStart', { diskId: 'fresh' });
      const store = await old.open();
      const { open, begun } = await store.read('system', async (work) => ({
        open: await work.jobs.open(10),
        begun: await work.jobs.begun(),
      }));
      assert.deepEqual(
        open
          .slice(1)
          .map(({ kind, transferId, layerId, failures, data }) => [
            kind,
            transferId,
            layerId,
            failures,
            data,
          ]),
        [
          ['imageCapture', null, null, 2, { generalize: true }],
          ['imageImport', 'transfer', 'healed', 0, {}],
          ['layerCompact', null, 'tall', 0, { digest: 'sha256:1' }],
          ['machineStart', null, null, 0, {}],
        ],
      );
      assert.deepEqual(begun.map(({ jobId, name, id }) => [jobId, name, id]).sort(), [
        [2, 'generalised layer', 'high'],
        [2, 'layer', 'low'],
        [5, 'disk', 'fresh'],
      ]);
    });

    it('keeps its layers as copies, with the results of their verification', async (t) => {
      const old = await make(t, '0017-job-facts');
      await old.run(`update layer set state = 'quarantined', fault = 'is damaged', lost_key = key,
      key = null, digest = 'sha256:1', verified_at = 5, stored_bytes = 7 where id = 'step'`);
      await old.run(`update layer set state = 'building' where id = 'bare'`);
      const store = await old.open();
      const [step, bare] = await store.read('system', async (work) => [
        await work.layers.get('step' as LayerId),
        await work.layers.get('bare' as LayerId),
      ]);
      const bytes = { storedBytes: 7, digest: 'sha256:1', verifiedAt: 5 };
      const copy = { layerId: 'step', place: 'local', state: 'quarantined', fault: 'is damaged' };
      assert.deepEqual(step.copies, [{ ...copy, ...bytes }]);
      assert.deepEqual([step.state, step.lostKey], ['sealed', 'step']);
      assert.deepEqual([bare.state, bare.copies], ['building', []]);
    });

    it('is searched as this version searches, however its names were folded before', async (t) => {
      const old = await make(t, '0010-proved-bases');
      for (const table of ['image', 'machine'])
        await old.run(
          `update ${table} set name = 'Ο ΣΊΣΥΦΟΣ', name_folded = 'ο σίσυφος' where id = 1`,
        );
      const store = await old.open();
      await store.read(1 as OrganisationId, async (work) => {
        const query = { page: 1, perPage: 10, q: 'ΣΊΣΥΦΟΣ' };
        const { images } = await work.images.list(query);
        const { machines } = await work.machines.list(query);
        assert.deepEqual(
          [images, machines].map((found) => found.map(({ name }) => name)),
          [['Ο ΣΊΣΥΦΟΣ'], ['Ο ΣΊΣΥΦΟΣ']],
        );
      });
    });

    it('of a newer version is refused, and left as it is', async (t) => {
      const old = await make(t, versions.at(-1) ?? '');
      await old.run(
        "insert into kysely_migration (name, timestamp) values ('9999-of-tomorrow', '2030-01-01')",
      );
      await assert.rejects(old.open(), /written by a newer Silversmith; use that one/);
      await old.run("delete from kysely_migration where name = '9999-of-tomorrow'");
      const store = await old.open();
      const kept = [1, 2].map((id) =>
        store.read('system', (work) => work.images.find(id as ImageId)),
      );
      for (const image of await Promise.all(kept)) assert.ok(image);
    });
  });
