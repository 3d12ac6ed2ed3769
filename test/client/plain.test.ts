// The client against a server of the specification alone, which refuses what that does not have.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createClient } from '../../src/client/silversmith.ts';
import { strictServer } from './strict-server.ts';

describe('a client without extensions', () => {
  it('does the whole job with images on a server that refuses what is not in the specification', async (t) => {
    const { h, options, requests } = await strictServer(t);
    const client = createClient({ ...options, extensions: false });
    const { base_images, software } = await client.softwareList();
    const made = await client.imageInstall({
      name: 'Office',
      base_image_id: base_images[0]?.id,
      software_ids: software.filter(({ name }) => name === 'Editor').map(({ id }) => id),
    });
    const image = await client.waitFor(made);
    assert.equal(image.attributes.status, 'available');
    assert.ok(!('progress' in image.attributes));
    const machines = await Array.fromAsync(client.machines({ status: 'off' }));
    const machine_ids = machines.map(({ attributes }) => attributes.id);
    assert.deepEqual(machine_ids.toSorted(), h.machines.toSorted());
    const [id = 0] = machine_ids;
    await client.imageAssign({ id: image.attributes.id, machine_ids });
    await client.machineStart({ id });
    const machine = await client.waitFor(
      { type: 'machine', attributes: { id } },
      { until: 'ready' },
    );
    assert.equal(machine.attributes.assigned_image_id, image.attributes.id);
    await assert.rejects(client.imageCapture({ machine_id: id, name: 'Mine' }), {
      code: 'machine_not_stopped',
    });
    await client.imageDelete({ id: image.attributes.id });
    assert.deepEqual(await Array.fromAsync(client.images({ q: 'office' })), []);
    assert.ok(requests.length >= 9);
  });

  it('has no method for what the specification does not have', () => {
    const client = createClient({
      ...{ url: 'http://127.0.0.1:1', key: 'key-of-a-test', secret: 'secret' },
      extensions: false,
    });
    for (const name of [
      'imageLog',
      'machineRestore',
      'upload',
      'download',
      'transferGet',
      'events',
    ])
      assert.ok(!(name in client), name);
    assert.ok('imageList' in client && 'waitFor' in client);
  });

  it('is needed there: the server refuses the header of one with extensions', async (t) => {
    const { options } = await strictServer(t);
    await assert.rejects(createClient(options).imageList(), {
      code: 'invalid',
      message: /silversmith-extensions/,
    });
  });
});
