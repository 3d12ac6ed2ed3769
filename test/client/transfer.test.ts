// Uploads and downloads of the published client. test/http/slow-line.test.ts has those over slow
// and broken lines.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { createClient } from '../../src/client/silversmith.ts';
import { listening } from '../http/sockets.ts';
import { waitFor } from '../support.ts';
import { envelope, json, scripted } from './scripted.ts';

const bytes = randomBytes(300_000);
const quick = { pauseMs: 1 };

async function importing(t: TestContext) {
  const { h, port } = await listening(t);
  const client = createClient({ url: `http://127.0.0.1:${port}`, ...h.keys.ours });
  const open = async () => (await client.imageImport({ size_bytes: bytes.length })).id;
  const received = async (id: string) => (await client.transferGet({ id })).attributes;
  return { h, client, open, received };
}

/** An export of a server that has `bytes` as its file. */
async function exporting(t: TestContext) {
  const { h, client } = await importing(t);
  const { attributes } = await client.imageInstall();
  await h.service.reconciler.settle();
  const { id } = (await h.call('imageExport', { params: { id: attributes.id } })).body;
  await h.service.reconciler.settle();
  await writeFile(join(h.dataDir, 'transfers', id), bytes);
  await h.store.write('system', (work) => work.transfers.update(id, { bytes: bytes.length }));
  return { client, id };
}

const attributes = { size_bytes: 10, received_bytes: 0, status: 'available' };
const transfer = json(200, {
  ...{ id: 'a', type: 'transfer', attributes },
  ...envelope(200),
});

describe('an upload', () => {
  it('sends a Blob, bytes in memory, and what a function gives, and tells how far it is', async (t) => {
    const { client, open, received } = await importing(t);
    for (const source of [
      new Blob([bytes]),
      bytes,
      async (offset: number, length: number) => bytes.subarray(offset, offset + length),
    ]) {
      const id = await open();
      const told: number[] = [];
      await client.upload(id, source, { onBytes: (done) => told.push(done) });
      assert.equal((await received(id)).received_bytes, bytes.length);
      assert.equal(told.at(-1), bytes.length);
      assert.ok(told.length > 1, 'it has parts');
    }
  });

  it('goes on where it was stopped by its signal', async (t) => {
    const { client, open, received } = await importing(t);
    const id = await open();
    const over = new AbortController();
    const reason = new Error('enough');
    const stopped = client.upload(id, bytes, {
      signal: over.signal,
      onBytes: () => over.abort(reason),
    });
    await assert.rejects(stopped, reason);
    const { received_bytes: before } = await received(id);
    assert.ok(before > 0 && before < bytes.length);
    const offsets: number[] = [];
    await client.upload(id, async (offset, length) => {
      offsets.push(offset);
      return bytes.subarray(offset, offset + length);
    });
    assert.equal(offsets[0], before);
    assert.equal((await received(id)).received_bytes, bytes.length);
  });

  it('ends at once when its source fails, or ends before the size that was announced', async (t) => {
    const { client, open } = await importing(t);
    const id = await open();
    await assert.rejects(client.upload(id, bytes.subarray(0, 1000)), /ends at 1000 bytes; 300000/);
    const unreadable = async () => Promise.reject(new Error('the disk fails'));
    await assert.rejects(client.upload(id, unreadable), /the disk fails/);
  });
});

describe('a download', () => {
  it('gives all bytes, or those from an offset on, and can be left', async (t) => {
    const { client, id } = await exporting(t);
    assert.ok(Buffer.concat(await Array.fromAsync(client.download(id))).equals(bytes));
    const rest = await Array.fromAsync(client.download(id, { offset: 123_456 }));
    assert.ok(Buffer.concat(rest).equals(bytes.subarray(123_456)));
    for await (const piece of client.download(id)) {
      assert.ok(piece.length > 0);
      break;
    }
    assert.deepEqual(await Array.fromAsync(client.download(id, { offset: bytes.length })), []);
  });

  it('is refused while the file is made, which can be waited for', async (t) => {
    const { h, client } = await importing(t);
    const { attributes } = await client.imageInstall();
    await h.service.reconciler.settle();
    const transfer = await client.imageExport({ id: attributes.id });
    await assert.rejects(Array.fromAsync(client.download(transfer.id)), /is building/);
    h.service.reconciler.start();
    const made = await client.waitFor(transfer);
    assert.ok(made.attributes.size_bytes > 0);
    const got = Buffer.concat(await Array.fromAsync(client.download(transfer.id)));
    assert.equal(got.length, made.attributes.size_bytes);
  });

  it('leaves out what it has when a proxy knows no ranges', async (t) => {
    const { options } = await scripted(t, transfer, (response) => {
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      response.end('0123456789');
    });
    const got = await Array.fromAsync(createClient(options).download('a', { offset: 4 }));
    assert.equal(Buffer.concat(got).toString(), '456789');
  });

  it('ends with the size that was told, also when the server sends without an end', async (t) => {
    const { options } = await scripted(t, transfer, (response) => {
      response.writeHead(206, { 'content-type': 'application/octet-stream' });
      const more = () => {
        while (!response.destroyed && response.write('0123456789'.repeat(1000)));
      };
      response.on('drain', more);
      more();
    });
    let got = '';
    for await (const piece of createClient(options).download('a', { offset: 4 })) {
      got += Buffer.from(piece);
      assert.ok(got.length <= 6, `${got.length} bytes`);
    }
    assert.equal(got, '012345');
  });

  it('leaves out what comes from before the place that was asked for', async (t) => {
    for (const [range, says] of [
      ['bytes 2-9/10', '456789'],
      ['bytes 5-9/10', null],
    ] as const) {
      const { options } = await scripted(t, transfer, (response, request) => {
        if (!request.url?.endsWith('/content')) return transfer(response, request);
        response.writeHead(206, { 'content-range': range });
        response.end('0123456789'.slice(Number(range[6])));
      });
      const got = Array.fromAsync(createClient(options).download('a', { offset: 4, ...quick }));
      if (says === null) await assert.rejects(got, { name: 'StalledError' });
      else assert.equal(Buffer.concat(await got).toString(), says);
    }
  });

  it('goes on by another request when the server falls silent in the middle of the file', async (t) => {
    const begin: Parameters<typeof scripted>[1] = (response, request) => {
      if (!request.url?.endsWith('/content')) return transfer(response, request);
      response.writeHead(206, { 'content-type': 'application/octet-stream' });
      response.write('01');
    };
    const { options, requests } = await scripted(t, begin);
    const client = createClient({ ...options, timeoutMs: 60 });
    let done = 0;
    const all = async () => {
      for await (const piece of client.download('a', quick)) {
        done += piece.length;
        if (done >= 6) throw new Error('enough');
      }
    };
    await assert.rejects(all(), /enough/);
    assert.equal(requests.filter(({ url }) => url.endsWith('/content')).length, 3);
  });

  it('waits for a reader that takes longer than the server may', async (t) => {
    const timeoutMs = 50;
    let finish = () => {};
    const { options, requests } = await scripted(t, transfer, (response) => {
      response.writeHead(206, { 'content-type': 'application/octet-stream' });
      response.write('01234');
      finish = () => void response.end('56789');
    });
    let got = '';
    for await (const piece of createClient({ ...options, timeoutMs }).download('a')) {
      got += Buffer.from(piece).toString();
      const until = performance.now() + 3 * timeoutMs;
      await waitFor('the time for an answer is over', () => performance.now() > until);
      finish();
    }
    assert.deepEqual([got, requests.length], ['0123456789', 2]);
  });

  it('ends with its signal while the server is silent', async (t) => {
    const begin: Parameters<typeof scripted>[1] = (response, request) => {
      if (!request.url?.endsWith('/content')) return transfer(response, request);
      response.writeHead(206, { 'content-type': 'application/octet-stream' });
      response.write('01');
    };
    const { options } = await scripted(t, begin);
    const over = new AbortController();
    const reason = new Error('enough');
    const all = Array.fromAsync(
      createClient(options).download('a', {
        signal: over.signal,
        onBytes: () => over.abort(reason),
      }),
    );
    await assert.rejects(all, reason);
  });
});
