// The audit trail of operators: entries are begun, ended once or again, listed and pruned.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MakeWorld, World } from './world.ts';

const begin = (world: World, thing: string) =>
  world.write((work) =>
    work.operatorAudit.begin({ operator: 'operator:test', action: 'baseAdd', thing }),
  );

const list = (world: World, limit = 10) =>
  world.read(async (work) =>
    (await work.operatorAudit.list(limit)).map(({ thing, outcome, reason }) => [
      thing,
      outcome,
      reason,
    ]),
  );

export const testOperatorAudit = (make: MakeWorld) =>
  describe('the audit trail of operators', () => {
    it('has the newest entries first, and of each its outcome once it is ended', async (t) => {
      const world = await make(t);
      const [first, second] = [await begin(world, 'one'), await begin(world, 'two')];
      assert.deepEqual(await list(world), [
        ['two', 'begun', null],
        ['one', 'begun', null],
      ]);
      const startedAt = world.now();
      world.advance(5);
      const done = { thing: 'one (1)', outcome: 'done', reason: null } as const;
      const refused = { thing: 'two', outcome: 'refused', reason: 'there is one' } as const;
      for (let times = 0; times < 2; times++)
        await world.write(async ({ operatorAudit }) => {
          await operatorAudit.end(first, done);
          await operatorAudit.end(second, refused);
        });
      assert.deepEqual(await list(world), [
        ['two', 'refused', 'there is one'],
        ['one (1)', 'done', null],
      ]);
      assert.deepEqual(await list(world, 1), [['two', 'refused', 'there is one']]);
      const [entry] = await world.read((work) => work.operatorAudit.list(1));
      assert.deepEqual([entry?.createdAt, entry?.endedAt], [startedAt, startedAt + 5]);
      await world.write((work) => work.operatorAudit.end(99, done));
      assert.equal((await list(world)).length, 2);
    });

    it('is the same for an organisation as for the system, and is pruned by age', async (t) => {
      const world = await make(t);
      await begin(world, 'old');
      world.advance(1);
      await begin(world, 'new');
      const ours = await world.read((work) => work.operatorAudit.list(10), world.ours);
      assert.equal(ours.length, 2);
      const hasBefore = () => world.read((work) => work.operatorAudit.hasBefore(world.now()));
      assert.equal(await hasBefore(), true);
      await world.write((work) => work.operatorAudit.prune(world.now()));
      assert.deepEqual(await list(world), [['new', 'begun', null]]);
      assert.equal(await hasBefore(), false);
    });
  });
