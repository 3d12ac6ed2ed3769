// Waiting for work of a server.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createClient, UnfinishedError } from '../../src/client/silversmith.ts';
import { listening } from '../http/sockets.ts';
import { cut, envelope, json, scripted } from './scripted.ts';

async function working(t: TestContext) {
  const { h, port } = await listening(t);
  h.service.reconciler.start();
  return { h, client: createClient({ url: `http://127.0.0.1:${port}`, ...h.keys.ours }) };
}

const image = (status: string) =>
  json(200, {
    ...{ id: '7', type: 'image', attributes: { id: 7, status, status_reason: null, progress: 0 } },
    ...envelope(200),
  });

describe('waitFor', () => {
  it('resolves to the image that is available, and throws with the reason of one that failed', async (t) => {
    const { h, client } = await working(t);
    const good = await client.waitFor(await client.imageInstall({ name: 'Good' }));
    assert.deepEqual([good.type, good.attributes.status], ['image', 'available']);
    const made = await client.imageInstall({ software_ids: [h.broken.id] });
    const error = await client.waitFor(made).then(assert.ok, (thrown: unknown) => thrown);
    assert.ok(error instanceof UnfinishedError);
    assert.equal(error.why, 'failed');
    assert.match(error.message, /^Image \d+ is failed: .*Broken/);
  });

  it('resolves to the machine that is at rest, and throws when that is not the wanted state', async (t) => {
    const { h, client } = await working(t);
    const [id = 0] = h.machines;
    const machine = { type: 'machine', attributes: { id } } as const;
    assert.equal((await client.waitFor(machine)).attributes.friendly_status, 'off');
    await client.machineStart({ id });
    await client.waitFor(machine, { until: 'ready' });
    await assert.rejects(client.waitFor(machine, { until: 'off' }), { why: 'failed' });
  });

  it('goes on after a server that was away, and tells each state', async (t) => {
    const { options } = await scripted(t, image('pending'), cut, cut, image('available'));
    const told: string[] = [];
    await createClient({ ...options, triesMax: 1 }).waitFor(
      { type: 'image', attributes: { id: 7 } },
      { onProgress: ({ attributes }) => told.push(attributes.status) },
    );
    assert.deepEqual(told, ['pending']);
  });

  it('ends at its limit, with its signal, and at a refusal', async (t) => {
    const { options } = await scripted(t, image('building'));
    const client = createClient(options);
    const seven = { type: 'image', attributes: { id: 7 } } as const;
    await assert.rejects(client.waitFor(seven, { limitMs: 0 }), {
      why: 'late',
      message: 'Image 7 is still building after 0 s.',
    });
    const reason = new Error('enough');
    const over = new AbortController();
    const waiting = client.waitFor(seven, {
      signal: over.signal,
      onProgress: () => over.abort(reason),
    });
    await assert.rejects(waiting, reason);
    const gone = await scripted(t, json(404, envelope(404)));
    await assert.rejects(createClient(gone.options).waitFor(seven), { code: 'not_found' });
  });
});
