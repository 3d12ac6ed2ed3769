// Units of work: the promises of a write as a whole.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MachineId } from '../../../src/domain/ids.ts';
import type { MakeWorld } from './world.ts';

export const testWrites = (make: MakeWorld) =>
  describe('a unit of work', () => {
    it('changes nothing when it throws, and rejects with the same error', async (t) => {
      const world = await make(t);
      const id = await world.machine();
      const stop = new Error('stop');
      await assert.rejects(
        world.write(async (work) => {
          await work.machines.update(id, { status: 'ready' });
          await work.organisations.ensure('new');
          throw stop;
        }),
        stop,
      );
      await world.read(async (work) => {
        assert.equal((await work.machines.get(id)).status, 'off');
        assert.equal((await work.organisations.list()).length, 2);
      });
    });

    it('changes nothing when a statement fails, even if its work goes on', async (t) => {
      const world = await make(t);
      const id = await world.machineJob();
      const { machineId } = await world.read((work) => work.jobs.get(id));
      const second = { kind: 'machineStop', organisationId: world.ours, machineId } as const;
      await assert.rejects(
        world.write(async (work) => {
          await work.machines.update(machineId as MachineId, { status: 'ready' });
          await work.jobs.enqueue([{ ...second, machineId: machineId as MachineId }]);
        }),
        { code: 'internal' },
      );
      const { status } = await world.read((work) => work.machines.get(machineId as MachineId));
      assert.equal(status, 'off');
    });

    it('reads its own writes, and other units see them after it has ended', async (t) => {
      const world = await make(t);
      const id = await world.write(async (work) => {
        const made = await work.organisations.ensure('new');
        assert.equal(await work.organisations.byName('new'), made);
        return made;
      });
      assert.equal(await world.read((work) => work.organisations.byName('new')), id);
    });

    it('is serialised, so that writers that read first do not overwrite each other', async (t) => {
      const world = await make(t);
      const id = await world.machine();
      const addOne = () =>
        world.write(async (work) => {
          const { cpus } = await work.machines.get(id);
          await work.machines.update(id, { cpus: cpus + 1 });
        });
      await Promise.all(Array.from({ length: 20 }, addOne));
      assert.equal((await world.read((work) => work.machines.get(id))).cpus, 21);
    });

    it('gives a reader no method that writes', async (t) => {
      const world = await make(t);
      await world.read(async (work) => {
        assert.equal('signatures' in work, false);
        for (const [noun, method] of [
          ['images', 'add'],
          ['machines', 'update'],
          ['disks', 'remove'],
          ['layers', 'seal'],
          ['jobs', 'enqueue'],
          ['transfers', 'delete'],
          ['host', 'freeze'],
          ['keys', 'revoke'],
          ['audit', 'prune'],
        ] as const)
          assert.equal(method in work[noun], false, `${noun}.${method}`);
      });
    });

    it('has the time of the clock with which the store was opened', async (t) => {
      const world = await make(t);
      world.advance(5);
      assert.equal(await world.read(async (work) => work.now()), world.now());
      assert.equal(await world.write(async (work) => work.now()), world.now());
    });
  });
