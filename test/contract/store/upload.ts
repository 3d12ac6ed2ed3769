// The uploads of operators, and lists that come in pages.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KeyId, LayerId, UploadId } from '../../../src/domain/ids.ts';
import { transferBytesMax } from '../../../src/domain/transfer.ts';
import type { MakeWorld, World } from './world.ts';

const one = 'a'.repeat(64) as UploadId;
const two = 'b'.repeat(64) as UploadId;

/** The ids of a list, three at a time. */
async function pagesOf<Id extends string>(
  world: World,
  page: (after: Id | null) => Promise<{ id: Id }[]>,
): Promise<Id[]> {
  const ids: Id[] = [];
  for (let after: Id | null = null; ; ) {
    const found: { id: Id }[] = await page(after);
    ids.push(...found.map(({ id }) => id));
    after = found.at(-1)?.id ?? null;
    if (after === null || ids.length > 100) return ids;
    world.advance(1);
  }
}

export const testUploads = (make: MakeWorld) =>
  describe('an upload of an operator', () => {
    it('is there until it is removed, and what is still to come of it is promised', async (t) => {
      const world = await make(t);
      const promised = () => world.read((work) => work.host.promisedBytes());
      assert.equal(await promised(), 0);
      const expiresAt = world.now() + 10;
      const added = await world.write((work) =>
        work.uploads.add({ id: one, bytes: transferBytesMax, expiresAt }),
      );
      const begun = { receivedBytes: 0, createdAt: world.now() };
      assert.deepEqual(added, { id: one, bytes: transferBytesMax, expiresAt, ...begun });
      await assert.rejects(
        world.write((work) => work.uploads.add({ id: one, bytes: 1, expiresAt })),
        { code: 'internal' },
      );
      world.advance(1);
      await world.write((work) => work.uploads.add({ id: two, bytes: 5, expiresAt }));
      await world.write((work) => work.uploads.update(two, { receivedBytes: 3, expiresAt: 99 }));
      assert.equal(await promised(), 2 * transferBytesMax + 7);
      const all = await world.read((work) => work.uploads.list(), world.ours);
      assert.deepEqual(
        all.map(({ id, receivedBytes }) => [id, receivedBytes]),
        [
          [two, 3],
          [one, 0],
        ],
      );
      await world.write((work) => work.uploads.remove(one));
      await world.write((work) => work.uploads.remove(one));
      await world.write((work) => work.uploads.update(one, { receivedBytes: 1 }));
      assert.equal(await world.read((work) => work.uploads.find(one)), undefined);
      await assert.rejects(
        world.read((work) => work.uploads.get(one)),
        { code: 'not_found' },
      );
      assert.equal(await promised(), 7);
    });
  });

export const testPages = (make: MakeWorld) =>
  describe('a list that comes in pages', () => {
    it('has each key and each layer once, in order of id', async (t) => {
      const world = await make(t);
      const ids = ['e', 'B', 'a', 'd', '_', '-', 'c'];
      const rest = { name: 'n', secretSealed: 's', masterKeyId: 'm', expiresAt: null };
      await world.write(async (work) => {
        for (const id of ids) {
          const key = { id: id as KeyId, permissions: [], ...rest };
          await work.operatorKeys.add(key);
          await work.keys.add({ ...key, organisationId: world.ours });
          await work.layers.add({
            ...{ id: id as LayerId, kind: 'base', parentId: null, baseLayerId: id as LayerId },
            ...{ key: null, state: 'sealed', virtualBytes: 1, storedBytes: 1, jobId: null },
            ...{ organisationId: null, boot: { mode: 'bios' } },
          });
        }
      });
      const sorted = [...ids].sort();
      for (const noun of ['operatorKeys', 'keys', 'layers'] as const)
        assert.deepEqual(
          await pagesOf<string>(world, (after) =>
            world.read((work): Promise<{ id: string }[]> => work[noun].page(after, 3)),
          ),
          sorted,
          noun,
        );
      const [layer] = await world.read((work) => work.layers.page('d', 1));
      assert.deepEqual([layer?.id, layer?.copies.length], ['e', 1]);
      const ours = await world.machine();
      const [machine] = await world.read((work) => work.machines.page(ours - 1, 3));
      assert.equal(machine?.id, ours);
      assert.deepEqual(await world.read((work) => work.machines.page(ours, 3)), []);
    });
  });
