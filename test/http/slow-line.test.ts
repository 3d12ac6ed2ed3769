// Uploads and downloads over slow and broken lines: a transfer continues while bytes move, and is
// given up when they stop.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { sentenceOf } from '../../src/cli/explain.ts';
import { createClient } from '../../src/client/client.ts';
import { ApiError, StalledError } from '../../src/client/errors.ts';
import { download, upload } from '../../src/client/transfer.ts';
import { defer } from '../support.ts';
import { listening } from './sockets.ts';

const endless = Number.POSITIVE_INFINITY;

/**
 * A proxy that carries so many bytes a second to the server, and cuts a connection after `bytesMax`
 * bytes to the server or `backMax` bytes from it.
 */
async function line(
  t: TestContext,
  port: number,
  { bytesPerSecond = 0, bytesMax = endless, backMax = endless },
) {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    let waiting = Buffer.alloc(0);
    let carried = 0;
    const carry = () => {
      const now = bytesPerSecond === 0 ? waiting.length : Math.ceil(bytesPerSecond / 50);
      const piece = waiting.subarray(0, now);
      waiting = waiting.subarray(piece.length);
      carried += piece.length;
      if (carried > bytesMax) near.destroy();
      else if (piece.length > 0) far.write(piece);
    };
    const timer = setInterval(carry, 20);
    near.on('data', (bytes: Buffer) => {
      waiting = Buffer.concat([waiting, bytes]);
      if (bytesPerSecond === 0) carry();
    });
    let back = 0;
    far.on('data', (bytes) => {
      back += bytes.length;
      if (back > backMax) near.destroy();
    });
    far.pipe(near);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket
        .on('error', () => {})
        .on('close', () => {
          clearInterval(timer);
          near.destroy();
          far.destroy();
          sockets.delete(socket);
        });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  defer(t, () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function receiving(t: TestContext) {
  const { h, port } = await listening(t);
  const open = async (bytes: number) =>
    (await h.call('imageImport', { body: { size_bytes: bytes } })).body.id;
  const at = async (id: string) =>
    (await h.call('transferGet', { params: { id } })).body.attributes.received_bytes;
  return { h, port, open, at };
}

describe('an upload', () => {
  it('continues over a line that is too slow for a large part within the time for an answer', async (t) => {
    const { h, port, open, at } = await receiving(t);
    const url = await line(t, port, { bytesPerSecond: 200_000 });
    const options = { url, ...h.keys.ours, timeoutMs: 800 };
    const bytes = randomBytes(300_000);
    const id = await open(bytes.length);
    const read = async (offset: number, length: number) => bytes.subarray(offset, offset + length);
    await upload(createClient(options), options, id, read, { pauseMs: 1 });
    assert.equal(await at(id), bytes.length);
  });

  it('is given up with a reason when no bytes move, and is not tried again after it was ended', async (t) => {
    const { h, port, open, at } = await receiving(t);
    // Requests pass the line, and parts do not.
    const url = await line(t, port, { bytesMax: 5000 });
    const options = { url, ...h.keys.ours, timeoutMs: 2000 };
    const id = await open(100_000);
    let reads = 0;
    const read = async (_offset: number, length: number) => {
      reads++;
      return Buffer.alloc(length);
    };
    const error = await upload(createClient(options), options, id, read, { pauseMs: 1 }).catch(
      (one: unknown) => one,
    );
    assert.ok(error instanceof StalledError, String(error));
    assert.deepEqual([reads, await at(id)], [6, 0]);
    assert.match(
      sentenceOf(error) ?? '',
      /stands at 0 of 100000 bytes, and 6 attempts to go on have failed. The last: No server answers/,
    );
    await h.call('transferDelete', { params: { id } });
    const over = await upload(createClient(options), options, id, read, { pauseMs: 1 }).catch(
      (one: unknown) => one,
    );
    assert.ok(over instanceof ApiError, String(over));
    assert.deepEqual([over.status, reads], [404, 6]);
  });
});

describe('a download', () => {
  it('continues however often the line breaks, as long as some bytes arrive each time', async (t) => {
    const { h, port } = await receiving(t);
    const image = (await h.call('imageInstall', {})).body.attributes.id;
    await h.service.reconciler.settle();
    const id = (await h.call('imageExport', { params: { id: image } })).body.id;
    await h.service.reconciler.settle();
    const bytes = randomBytes(20 * 1024 ** 2);
    await writeFile(join(h.dataDir, 'transfers', id), bytes);
    await h.store.write('system', (work) => work.transfers.update(id, { bytes: bytes.length }));
    const options = { url: await line(t, port, { backMax: 2 * 1024 ** 2 }), ...h.keys.ours };
    const got: Uint8Array[] = [];
    const write = async (piece: Uint8Array) => void got.push(piece);
    await download(createClient(options), options, id, 0, write, { pauseMs: 1 });
    assert.ok(Buffer.concat(got).equals(bytes));
  });
});
