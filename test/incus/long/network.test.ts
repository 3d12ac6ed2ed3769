// A server on a cluster of which a member cannot be reached, while its machines run on.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { leftOutWithoutIncus, startIncus } from '../cluster.ts';
import { laps, startOnIncus } from '../server.ts';

describe('a server on an Incus cluster whose network is cut', { skip: leftOutWithoutIncus }, () => {
  it('shows a machine of a member that is cut off as it was, and as it is afterwards', async (t) => {
    const { first: one, network } = await startIncus(t, { members: 2, ownNetwork: true });
    const s = await startOnIncus(t, one, []);
    const [here = 0, there = 0] = s.machines;
    await s.client().machineStart({ id: here, region: 'one' });
    await s.client().machineStart({ id: there, region: 'two' });
    for (const id of [here, there]) await s.machine(id, 'ready');
    const lap = laps(t);
    network?.cut('two');
    await s.says(there, 'warming_up', /host two does not answer/);
    lap('member two is cut off; its machine is reported');
    await s.says(here, 'ready', null);
    network?.mend('two');
    await s.says(there, 'ready', null);
    lap('member two is reached again; its machine ran on');
    assert.deepEqual(await s.membersOf(there), ['two']);
    assert.deepEqual(await s.findings(), []);
  });
});
