// A transfer goes through several servers: each request of it may reach another one.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { pathPrefix } from '../../src/contract/envelope.ts';
import { waitFor } from '../support.ts';
import { startReplicas } from './replicas.ts';
import { sharedPostgres } from './shared.ts';

const server = await sharedPostgres();

describe('three servers that share a folder of transfers', () => {
  it('take the parts of one upload, make its image, and send its export', async (t) => {
    const s = await startReplicas(t, await server.database(), { count: 3 });
    const mark = 'a mark '.repeat(100);
    const disk = JSON.stringify({ simulated: [mark], virtualBytes: 1024 ** 2 });
    const opened = await s.at(0).call('imageImport', { body: { size_bytes: disk.length } });
    const id = String(opened.body.id);
    const part = (to: number, offset: number, end: number) =>
      s.at(to).send({
        method: 'POST',
        path: `${pathPrefix}/transfers/${id}/parts/${offset}`,
        body: disk.slice(offset, end),
        headers: { 'content-type': 'application/octet-stream' },
      });
    assert.equal((await part(0, 0, 100)).status, 200);
    // A part that does not follow the last one is refused by each of them.
    assert.equal((await part(2, 300, disk.length)).status, 409);
    assert.equal((await part(1, 100, 300)).status, 200);
    // The same part again, to another server, adds nothing.
    assert.equal((await part(2, 100, 300)).status, 409);
    assert.equal((await part(2, 300, disk.length)).status, 200);
    const finished = await s.at(1).call('transferFinish', { params: { id } });
    assert.equal(finished.status, 200, JSON.stringify(finished.body));
    const imageId = finished.body.attributes.id;
    assert.equal((await s.imageSettled(imageId)).status, 'available');

    const asked = await s.at(2).call('imageExport', { params: { id: imageId }, body: {} });
    const exported = String(asked.body.id);
    const { sha256 } = await waitFor('the export is available', async () => {
      const { body } = await s.at(0).call('transferGet', { params: { id: exported } });
      return body.attributes.status === 'available' && body.attributes;
    });
    for (const app of s.apps) {
      const path = `${pathPrefix}/transfers/${exported}/content`;
      const answer = await s.sendRaw({ method: 'GET', path }, s.keys.ours, app);
      assert.ok(answer.body.includes(mark));
      assert.equal(createHash('sha256').update(answer.rawPayload).digest('hex'), sha256);
    }
  });
});
