// Lists of images and machines: pages, searches and numbers, compared with a plain array while rows
// are added, go out of the list and come back. The store may remember what it found before.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ImageId } from '../../../src/domain/ids.ts';
import { machineStatuses } from '../../../src/domain/machine.ts';
import { runs } from '../../runs.ts';
import type { MakeWorld, World } from './world.ts';

const names = ['abc', 'ab', 'bcd', 'ABCD', 'x%'];
const texts = [undefined, 'a', 'B', 'bc', 'abcd', '%', 'none'];
const scopes = ['ours', 'theirs', 'system'] as const;
/** Longer than what is found fast without what is remembered. */
const longList = 2500;
const one = fc.nat({ max: 1000 });
const change = fc.oneof(
  fc.record({ is: fc.constant('add' as const), name: fc.constantFrom(...names), at: one }),
  fc.record({ is: fc.constantFrom('delete' as const, 'restore' as const), at: one }),
);
const look = fc.record({
  scope: fc.constantFrom(...scopes),
  q: fc.constantFrom(...texts),
  page: fc.integer({ min: 1, max: 4 }),
  perPage: fc.integer({ min: 1, max: 4 }),
  before: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
});

interface Listed {
  id: number;
  name: string;
  owner: 'ours' | 'theirs';
  isShown: boolean;
}

type Look = typeof look extends fc.Arbitrary<infer Value> ? Value : never;

/** The page, the number of all matches, and whether more follow, by looking at each row. */
function expected(all: readonly Listed[], { scope, q, page, perPage, before }: Look) {
  const matches = all
    .filter(({ owner, isShown }) => isShown && (scope === 'system' || owner === scope))
    .filter(({ name }) => q === undefined || name.toLowerCase().includes(q.toLowerCase()))
    .map(({ id }) => id)
    .sort((a, b) => b - a);
  const from = before === undefined ? (page - 1) * perPage : 0;
  const following = matches.filter((id) => id < (before ?? Number.POSITIVE_INFINITY));
  return {
    ids: following.slice(from, from + perPage),
    count: matches.length,
    more: from + perPage < following.length,
  };
}

const scopeOf = (world: World, scope: (typeof scopes)[number]) =>
  scope === 'system' ? scope : world[scope];

export function testLists(make: MakeWorld): void {
  describe('a list of images', () => {
    it('has the rows and the number that looking at each row gives, after any changes', (t) =>
      fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(change, look), { maxLength: 30 }), async (steps) => {
          const world = await make(t);
          const all: Listed[] = [];
          for (const [what, seen] of steps) {
            const chosen = all[what.at % Math.max(1, all.length)];
            if (what.is === 'add') {
              const owner = what.at % 3 === 0 ? 'theirs' : 'ours';
              const { id } = await world.image(what.name, world[owner]);
              all.push({ id, name: what.name, owner, isShown: true });
            } else if (chosen) {
              chosen.isShown = what.is === 'restore';
              const deletedAt = chosen.isShown ? null : world.now();
              await world.write((work) => work.images.update(chosen.id as ImageId, { deletedAt }));
            }
            const { images, ...rest } = await world.read(
              (work) => work.images.list(seen),
              scopeOf(world, seen.scope),
            );
            assert.deepEqual({ ids: images.map(({ id }) => id), ...rest }, expected(all, seen));
          }
          const counts = await world.read((work) => work.counts());
          const sum = counts.images.reduce((total, { count }) => total + count, 0);
          assert.equal(sum, all.filter(({ isShown }) => isShown).length);
        }),
        { numRuns: runs(10) },
      ));

    it('has the right rows on each page of a long list, after any changes', async (t) => {
      const world = await make(t);
      const add = (count: number) =>
        world.write(async (work) => {
          const rest = { sizeGb: 1, source: 'seat', baseImageId: null, machineId: null } as const;
          const ids: ImageId[] = [];
          for (let index = 0; index < count; index++)
            ids.unshift(
              (await work.images.add({ organisationId: world.ours, name: 'one', ...rest })).id,
            );
          return ids;
        });
      const following = async (before: number, q: string | undefined): Promise<ImageId[]> => {
        const filter = { page: 1, perPage: 20, before, q };
        const { images } = await world.read((work) => work.images.list(filter), world.ours);
        return images.map(({ id }) => id);
      };
      let ids = await add(longList);
      const agree = async () => {
        for (const page of [1, 60, 61, 75, 76, 77, 100, 125, 126, 127]) {
          const { images, count } = await world.read(
            (work) => work.images.list({ page, perPage: 20 }),
            world.ours,
          );
          assert.equal(count, ids.length);
          const expected = ids.slice((page - 1) * 20, page * 20);
          assert.deepEqual(
            images.map(({ id }) => id),
            expected,
            `page ${page}`,
          );
          const before: number | undefined = expected[0];
          if (before === undefined) continue;
          for (const q of [undefined, 'one'])
            assert.deepEqual(
              await following(before, q),
              ids.slice((page - 1) * 20 + 1, page * 20 + 1),
              `what follows the first of page ${page}`,
            );
        }
      };
      await agree();
      ids = [...(await add(7)), ...ids];
      await agree();
      const [old = 0 as ImageId] = ids.slice(-200);
      await world.write((work) => work.images.update(old, { deletedAt: world.now() }));
      const all = ids;
      ids = ids.filter((id) => id !== old);
      await agree();
      await world.write((work) => work.images.update(old, { deletedAt: null }));
      ids = all;
      await agree();
    });
  });

  describe('a list of machines', () => {
    it('is counted by status, after any changes of status', async (t) => {
      const world = await make(t);
      const ids = [await world.machine(), await world.machine(), await world.machine()];
      await world.write(async (work) => {
        for (let round = 0; round < 20; round++)
          for (const [index, status] of machineStatuses.entries())
            await work.machines.updateMany(ids.slice(0, 1 + (index % ids.length)), { status });
      });
      await world.write((work) => work.host.joinTallies());
      for (const status of [undefined, ...machineStatuses]) {
        const { machines, count } = await world.read((work) =>
          work.machines.list({ page: 1, perPage: 100, status }),
        );
        assert.equal(count, machines.length, String(status));
      }
    });
  });
}
