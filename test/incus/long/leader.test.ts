// A server on a cluster of two members, of which one alone has a vote: without it Incus answers
// nothing.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { waitFor } from '../../support.ts';
import { leftOutWithoutIncus, startIncus, statesAre } from '../cluster.ts';
import { laps, socketOf, startOnIncus } from '../server.ts';

describe('a server on an Incus cluster of two without its leader', {
  skip: leftOutWithoutIncus,
}, () => {
  it('keeps machines as they are shown, says that it is not ready, and does what was asked when the leader is back', async (t) => {
    const { first: leader, members } = await startIncus(t, { members: 2 });
    const [, two = leader] = members;
    const title = { name: 'Note', script: 'echo built > /root/note\n' };
    const s = await startOnIncus(t, leader, [title], { incusUrl: socketOf(two) });
    const [here = 0, there = 0] = s.machines;
    await s.client().machineStart({ id: here, region: 'one' });
    await s.client().machineStart({ id: there, region: 'two' });
    for (const id of [here, there]) await s.machine(id, 'ready');
    const lap = laps(t);
    await leader.kill();
    const { id } = (await s.client().imageInstall({ software_ids: s.software })).attributes;
    await waitFor('the server is not ready', async () => !(await s.isReady()), 90_000, 500);
    lap('the leader dies; the server says that it is not ready');
    for (const machine of [here, there]) await s.says(machine, 'ready', null);
    assert.notEqual((await s.client().imageGet({ id })).attributes.status, 'failed');
    await leader.start();
    await statesAre(two, { one: 'Online', two: 'Online' });
    const image = await s.image(id);
    assert.equal(image.status, 'available', image.status_reason ?? '');
    lap('the leader is back; the image is built');
    await s.says(here, 'off', /went off by itself/);
    await s.says(there, 'ready', null);
    await waitFor('the server is ready', () => s.isReady(), 60_000, 500);
    assert.deepEqual(await s.findings(), []);
    lap('all is as it is');
  });
});
