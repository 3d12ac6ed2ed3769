// Work that is under way when Incus itself is interrupted: its daemon dies and forgets its
// operations, or an administrator evacuates a member.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MachineId } from '../../../src/domain/ids.ts';
import { waitFor } from '../../support.ts';
import { leftOutWithoutIncus, startIncus, statesAre } from '../cluster.ts';
import type { IncusMember } from '../member.ts';
import { startOnIncus } from '../server.ts';

/** A step that says that it has begun, and goes on for some seconds. */
const slow = {
  name: 'Slow',
  script: 'echo x >> /root/begun; n=0; while [ $n -lt 25 ]; do sleep 0.1; n=$((n+1)); done\n',
};

/** Where the recipe of a build runs now. */
async function recipeRuns({ api }: IncusMember, project: string): Promise<string | undefined> {
  const lists = await api.call('GET', `/1.0/operations?project=${project}&recursion=1`);
  const running: { description: string; location: string }[] = lists.running ?? [];
  return running.find(({ description }) => description === 'Executing command')?.location;
}

describe('an Incus that is interrupted', { skip: leftOutWithoutIncus }, () => {
  it('has forgotten its operations when its daemon died, and the work is done all the same', async (t) => {
    const { first } = await startIncus(t);
    const s = await startOnIncus(t, first, [slow]);
    const build = async () => {
      const [title = 0] = s.software;
      return (await s.client().imageInstall({ software_ids: [title] })).attributes.id;
    };
    const id = await build();
    await waitFor('the recipe runs', () => recipeRuns(first, s.project), 60_000);
    await first.crashDaemon();
    const image = await s.image(id);
    assert.equal(image.status, 'available', image.status_reason ?? '');
    const [machine = 0] = s.machines;
    await s.client().imageAssign({ id, machine_ids: [machine] });
    await s.client().machineStart({ id: machine });
    await first.crashDaemon();
    await s.machine(machine, 'ready');
    // The recipe ran once in the disk that counts, though it was begun twice.
    assert.equal(await s.inside(machine, 'cat /root/begun'), 'x');
    // An administrator switches the machine off and on again with Incus itself.
    const { diskId } = await s.store.read('system', (work) =>
      work.machines.get(machine as MachineId),
    );
    const state = (action: string) => {
      const path = `/1.0/instances/sm-${diskId}/state?project=${s.project}`;
      return first.api.call('PUT', path, { json: { action, force: action === 'stop' } });
    };
    await state('stop');
    await s.says(machine, 'off', /went off by itself/);
    await state('start');
    await s.says(machine, 'ready', null);
    await s.client().machineStop({ id: machine });
    await first.crashDaemon();
    await s.machine(machine, 'off');
    const captured = (await s.client().imageCapture({ machine_id: machine })).attributes.id;
    await first.crashDaemon();
    assert.equal((await s.image(captured)).status, 'available');
    assert.deepEqual(await s.findings(), []);
  });

  it('evacuates the member of a build, which is done elsewhere, and moves a machine and back', async (t) => {
    const { first: one } = await startIncus(t, { members: 2 });
    const s = await startOnIncus(t, one, [slow]);
    const [title = 0] = s.software;
    const [machine = 0] = s.machines;
    await s.client().machineStart({ id: machine, region: 'one' });
    await s.machine(machine, 'ready');
    const { id } = (await s.client().imageInstall({ software_ids: [title] })).attributes;
    // Incus makes an instance where fewest are.
    const on = await waitFor('the recipe runs', () => recipeRuns(one, s.project), 60_000);
    t.diagnostic(`the recipe runs on ${on}`);
    // Incus gives up when an instance is removed while it evacuates; an administrator tries again.
    const change = (member: string, action: string) =>
      waitFor(
        `${action} ${member}`,
        async () => {
          const asked = { json: { action } };
          const done = one.api.call('POST', `/1.0/cluster/members/${member}/state`, asked);
          return done.then(
            () => true,
            () => false,
          );
        },
        60_000,
      );
    await change('two', 'evacuate');
    t.diagnostic('evacuated');
    const image = await s.image(id);
    assert.equal(image.status, 'available', image.status_reason ?? '');
    await change('two', 'restore');
    await change('one', 'evacuate');
    assert.deepEqual(await s.membersOf(machine), ['two']);
    await s.machine(machine, 'ready');
    await change('one', 'restore');
    await statesAre(one, { one: 'Online', two: 'Online' });
    assert.deepEqual(await s.membersOf(machine), ['one']);
    await s.machine(machine, 'ready');
    assert.deepEqual(await s.findings(), []);
  });
});
