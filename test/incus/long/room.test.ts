// A server on an Incus whose pool is full, on a real pool that copies on write.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { leftOutWithoutIncus, startIncus } from '../cluster.ts';
import { startOnIncus } from '../server.ts';

describe('a server on an Incus whose pool is full', { skip: leftOutWithoutIncus }, () => {
  it('says so of what it cannot make, leaves nothing, and makes it when there is room', async (t) => {
    const { first } = await startIncus(t, { pool: 'btrfs', poolMib: 300 });
    const s = await startOnIncus(t, first, [{ name: 'Note', script: 'echo built > /root/note\n' }]);
    const [full = 0, other = 0] = s.machines;
    await s.client().machineStart({ id: full });
    await s.machine(full, 'ready');
    await s.inside(full, 'dd if=/dev/zero of=/ballast bs=1M; sync');
    await s.client().machineStart({ id: other });
    const { status_reason } = await s.machine(other, 'off');
    assert.match(status_reason ?? '', /storage of the cluster is full/);
    const { id } = (await s.client().imageInstall({ software_ids: s.software })).attributes;
    const image = await s.image(id);
    assert.equal(image.status, 'failed');
    assert.match(image.status_reason ?? '', /storage of the cluster is full/);
    await s.inside(full, 'rm /ballast; sync');
    await s.client().machineStart({ id: other });
    await s.machine(other, 'ready');
    const again = (await s.client().imageInstall({ software_ids: s.software })).attributes.id;
    assert.equal((await s.image(again)).status, 'available');
    assert.deepEqual(await s.findings(), []);
  });
});
