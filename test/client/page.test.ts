// Lists of many pages, which are read while things are made and deleted.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createClient, type Image } from '../../src/client/silversmith.ts';
import { listening } from '../http/sockets.ts';
import { envelope, json, scripted } from './scripted.ts';

/** A client of a server with images, of which none is built; `ids` are newest first. */
async function listing(t: TestContext, count = 7) {
  const { h, port } = await listening(t);
  const client = createClient({ url: `http://127.0.0.1:${port}`, ...h.keys.ours });
  const make = async (name: string) => (await client.imageInstall({ name })).attributes.id;
  const ids: number[] = [];
  for (let number = 1; number <= count; number++) ids.unshift(await make(`Image ${number}`));
  return { h, client, make, ids };
}

const idsOf = (images: readonly Image[]) => images.map(({ attributes }) => attributes.id);

describe('a list', () => {
  it('gives everything once, newest first, whatever the size of a page', async (t) => {
    const { client, ids, h } = await listing(t);
    for (const per_page of [undefined, 1, 3, 7])
      assert.deepEqual(idsOf(await Array.fromAsync(client.images({ per_page }))), ids);
    assert.deepEqual(idsOf(await Array.fromAsync(client.images({ q: 'mage 3', per_page: 1 }))), [
      ids[4],
    ]);
    const machines = await Array.fromAsync(client.machines({ per_page: 1 }));
    assert.equal(machines.length, h.machines.length);
  });

  it('leaves nothing out and repeats nothing while things are deleted and made', async (t) => {
    const { client, make, ids } = await listing(t);
    const seen: number[] = [];
    for await (const { attributes } of client.images({ per_page: 2 })) {
      seen.push(attributes.id);
      // Things that were seen are deleted, which moves the others to earlier pages.
      if (seen.length === 2) for (const id of ids.slice(0, 2)) await client.imageDelete({ id });
      // New ones move them to later pages.
      if (seen.length === 4) for (const name of ['New', 'Newer']) await make(name);
    }
    assert.deepEqual(seen, ids);
  });

  it('can be emptied while it is read', async (t) => {
    const { client, ids } = await listing(t, 20);
    const seen: number[] = [];
    for await (const { attributes } of client.images({ per_page: 5 })) {
      seen.push(attributes.id);
      await client.imageDelete({ id: attributes.id });
    }
    assert.deepEqual(seen, ids);
    assert.equal((await client.imageList()).count, 0);
  });

  it('of the audit trail is given whole, entry by entry', async (t) => {
    const { client, ids } = await listing(t, 3);
    const logs = await Array.fromAsync(client.userActionLogs({ action_type: 'image_created' }));
    assert.deepEqual(
      logs.map(({ attributes }) => attributes.metadata.image_id),
      ids,
    );
  });

  it('ends where a server names a next page that is empty, and with the signal', async (t) => {
    const empty = { images: [], count: 2, page: 1, next_page: 2, ...envelope(200) };
    const { options, requests } = await scripted(t, json(200, empty));
    const client = createClient(options);
    assert.deepEqual(await Array.fromAsync(client.images()), []);
    assert.equal(requests.length, 1);
    const over = AbortSignal.abort(new Error('enough'));
    await assert.rejects(Array.fromAsync(client.images({}, { signal: over })), /enough/);
  });
});
