// The schema's history: a store with data in it, as each earlier version left it, is brought up to date, and everything in it is there.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import type { ImageId, LayerId, MachineId, OrganisationId } from '../../src/domain/ids.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { defer, temporaryFolder } from '../support.ts';
import { at, storeOf, versions } from './schemas.ts';

describe('a store with data in it', () => {
  for (const version of versions) {
    it(`as ${version} left it is brought up to date, with all that was in it`, async (t) => {
      const dataDir = await temporaryFolder(t);
      await storeOf(dataDir, version);
      const store = await openSqlite({ dataDir, now: () => at + 1000, check: true });
      defer(t, () => store.close());
      await store.read(1 as OrganisationId, async (work) => {
        const { images } = await work.images.list({ page: 1, perPage: 10 });
        assert.deepEqual(
          images.map(({ id, status }) => [id, status]),
          [
            [2, 'pending'],
            [1, 'available'],
          ],
        );
        assert.deepEqual(
          (await work.images.steps(1 as ImageId)).map(({ output }) => output),
          ['said'],
        );
        const machine = await work.machines.get(1 as MachineId);
        assert.deepEqual([machine.diskId, machine.assignedImageId, machine.priorImageId], ['disk', 1, null]);
        assert.deepEqual(
          (await work.disks.ofMachine(machine.id)).map(({ id }) => id),
          ['disk'],
        );
        const chain = await work.layers.chain('capture' as LayerId);
        assert.deepEqual(
          chain.map(({ id, fault }) => [id, fault]),
          [
            ['capture', null],
            ['step', null],
            ['base', null],
          ],
        );
        // How a chain boots is known of its root, be it a base or not, and whose a capture is.
        for (const id of ['capture', 'alone'] as LayerId[]) {
          const layer = await work.layers.get(id);
          assert.deepEqual((await work.layers.bootOf(layer)).boot, { mode: 'firmware' });
          assert.deepEqual(
            [layer.organisationId, (await work.layers.get('step' as LayerId)).organisationId],
            [1, null],
          );
        }
        assert.equal((await work.usage.quotas()).images > 0, true);
        assert.deepEqual(
          (await work.layers.cache()).map(({ id }) => id),
          ['step'],
        );
        assert.equal((await work.software.list()).length, 1);
        // A base on which something stands works; of the other one nothing is known.
        assert.deepEqual(
          (await work.bases.list()).map(({ id, provedAt }) => [id, provedAt]),
          [
            [1, at],
            [2, null],
          ],
        );
        assert.equal((await work.bases.get()).id, 1);
      });
      // What was under way goes on.
      const claimed = await store.write('system', (work) => work.operations.claim(1 as never, 'heir', 1000));
      assert.equal(claimed?.attempts, 2);
      await store.write('system', async (work) => {
        await work.layers.doom();
        await work.disks.doom();
        assert.deepEqual([await work.layers.doomed(at * 2), await work.disks.doomed(at * 2)], [[], []]);
      });
    });
  }

  it('of a newer version is refused, and left as it is', async (t) => {
    const dataDir = await temporaryFolder(t);
    await storeOf(dataDir, versions.at(-1) ?? '');
    const database = new DatabaseSync(join(dataDir, 'silversmith.db'));
    database.exec("insert into kysely_migration (name, timestamp) values ('9999-of-tomorrow', '2030-01-01')");
    await assert.rejects(openSqlite({ dataDir, now: Date.now }), /written by a newer Silversmith; use that one/);
    assert.equal(Object.values(database.prepare('select count(*) from image').get() ?? {})[0], 3);
    database.close();
  });
});
