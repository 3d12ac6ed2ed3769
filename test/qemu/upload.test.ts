// An upload is judged by its first bytes, on a server with real disks and without a guest.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { upload } from '../../src/client/transfer.ts';
import { startBare } from './bare-server.ts';

const mib = 1024 ** 2;

describe('an upload', () => {
  it('that is no disk is refused by its first bytes, however small its parts are, and counts none of them', async (t) => {
    const { client, folder, options, run, server } = await startBare(t);
    const sent = async (head: Buffer, bytes: number, most: number) => {
      const { id } = await client.imageImport({ size_bytes: bytes });
      let asked = 0;
      const read = async (offset: number, length: number) => {
        const part = Buffer.alloc(Math.min(length, most));
        head.subarray(offset).copy(part);
        asked += part.length;
        return part;
      };
      const said = await upload(client, options, id, read).then(
        () => 'taken',
        (error: Error) => error.message,
      );
      const { attributes } = await client.transferGet({ id });
      return { said, asked, received: attributes.received_bytes };
    };
    const iso = Buffer.alloc(72 * 1024);
    iso.write('CD001', 32_769);
    for (const most of [4 * mib, 30_000]) {
      const { said, asked, received } = await sent(iso, 20 * mib, most);
      assert.match(said, /image of a CD or DVD/);
      assert.ok(
        asked <= Math.max(256 * 1024, 90_000) && received < 72 * 1024,
        `${asked} ${received}`,
      );
    }
    assert.match((await sent(Buffer.from('a letter'), 8, 8)).said, /not a disk/);
    const disk = Buffer.alloc(mib);
    disk.writeUInt16BE(0x55aa, 510);
    assert.deepEqual((await sent(disk, 2 * mib, 30_000)).said, 'taken');

    // The command line ends the transfer, because no other attempt would help.
    await writeFile(join(folder, 'x.iso'), iso);
    const before = await server.store.read('system', (work) => work.transfers.list());
    await assert.rejects(run('image', 'import', 'x.iso'), ({ code, stderr }) => {
      assert.match(stderr, /error: The file is the image of a CD or DVD/);
      assert.ok(!stderr.includes('--resume'));
      return code === 4 || code === 1;
    });
    const after = await server.store.read('system', (work) => work.transfers.list());
    assert.equal(after.length, before.length);
  });
});
