// The status of machines: what callers see, filter by and hear of is one and the same.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { MachineId } from '../../../src/domain/ids.ts';
import { machineStatuses, shownOf } from '../../../src/domain/machine.ts';
import type { MakeWorld } from './world.ts';

const since = fc.option(fc.nat());
const anyState = fc.record({
  ...{ status: fc.constantFrom(...machineStatuses), pausedAt: since, awayAt: since },
  rebootingAt: since,
});

export const testMachineStatus = (make: MakeWorld) =>
  describe('a machine in any state', () => {
    it('is found by the status that it is shown with, and by no other, and is told with it', async (t) => {
      const world = await make(t);
      const ids: MachineId[] = [];
      for (let index = 0; index < 8; index++) ids.unshift(await world.machine());
      const states = fc.array(anyState, { minLength: ids.length, maxLength: ids.length });
      let heard = 0;
      await fc.assert(
        fc.asyncProperty(states, async (given) => {
          await world.write(async (work) => {
            for (const [at, id] of ids.entries()) await work.machines.update(id, given[at] ?? {});
            await work.events.add('changed', { machineIds: ids });
          });
          await world.store.publishEvents();
          await world.read(async (work) => {
            const all = await work.machines.getMany(ids);
            const shown = new Map(all.map((one) => [one.id, shownOf(one).status]));
            for (const status of machineStatuses) {
              const wanted = ids.filter((id) => shown.get(id) === status);
              const page = { page: 1, perPage: 100, status };
              const { machines, count } = await work.machines.list(page);
              const found = machines.map(({ id }) => id);
              assert.deepEqual([found, count], [wanted, wanted.length], status);
            }
            const told = await work.events.after(heard, 100);
            assert.equal(told.length, ids.length);
            for (const { id, subject, status } of told) {
              assert.equal(status, shown.get(Number(subject) as MachineId));
              heard = id;
            }
          });
        }),
        { numRuns: 25 },
      );
    });
  });
