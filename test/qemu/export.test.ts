// An export has holes where the disk has none of its own bytes: on the host of the server, on the
// line, and where the command line writes it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { download } from '../../src/client/transfer.ts';
import type { TransferId } from '../../src/domain/ids.ts';
import { parseManifest } from '../../src/domain/transfer.ts';
import { waitFor } from '../support.ts';
import { startBare } from './bare-server.ts';

const mib = 1024 ** 2;
const [diskBytes, contentBytes] = [64 * mib, 4 * mib];
const blocksOf = async (path: string) => (await stat(path)).blocks * 512;

/** Writes a disk that boots, as far as its first sector tells, and has little in it. */
async function sparseDisk(path: string): Promise<void> {
  const file = await open(path, 'w');
  const first = randomBytes(mib);
  first.fill(0, 440, 510);
  first.writeUInt16BE(0x55aa, 510);
  await file.write(first, 0, mib, 0);
  for (const at of [10, 30, 50]) await file.write(randomBytes(mib), 0, mib, at * mib);
  await file.truncate(diskBytes);
  await file.close();
}

describe('an export', () => {
  it('as a raw disk keeps its holes on the server, on the line and at the caller, also when it resumes', async (t) => {
    const { folder, dataDir, server, client, options, run } = await startBare(t);
    const disk = join(folder, 'disk.raw');
    await sparseDisk(disk);
    execFileSync('zstd', ['-q', disk]);
    await run('image', 'import', `${disk}.zst`, '--name', 'Sparse');
    const image = (await client.imageList({})).images[0]?.attributes.id ?? 0;

    const { id } = await client.imageExport({ id: image, format: 'raw' });
    const { attributes } = await waitFor(
      'it is written',
      async () => {
        const found = await client.transferGet({ id });
        assert.notEqual(found.attributes.status, 'failed', found.attributes.status_reason ?? '');
        return found.attributes.status === 'available' && found;
      },
      120_000,
    );
    assert.equal(attributes.size_bytes, diskBytes);
    const blob = join(dataDir, 'transfers', id);
    const { holes = [] } = parseManifest(attributes.manifest ?? '');
    const { heldBytes } = await server.store.read('system', (work) =>
      work.transfers.get(id as TransferId),
    );
    for (const bytes of [await blocksOf(blob), heldBytes])
      assert.ok(bytes < 3 * contentBytes, `${bytes} on the server`);

    let sent = 0;
    const copy = join(folder, 'copy.raw');
    const file = await open(copy, 'w');
    const half = 31 * mib;
    for (const from of [half, 0]) {
      const moving = { holes, pauseMs: 1 };
      await download(
        client,
        options,
        id,
        from,
        async (bytes, position) => {
          if (from === 0 && position >= half) return;
          sent += bytes.length;
          await file.write(bytes, 0, bytes.length, position);
        },
        moving,
      );
    }
    await file.truncate(diskBytes);
    await file.close();
    assert.ok(sent < 3 * contentBytes, `${sent} on the line`);
    assert.ok((await readFile(copy)).equals(await readFile(disk)));

    const written = join(folder, 'written.raw');
    await run('image', 'export', 'Sparse', '--format', 'raw', '--output', written);
    assert.ok((await readFile(written)).equals(await readFile(disk)));
    const bytes = await blocksOf(written);
    t.diagnostic(
      `of ${diskBytes}: ${await blocksOf(blob)} at the server, ${sent} sent, ${bytes} at the caller`,
    );
    assert.ok(bytes < 3 * contentBytes, `${bytes} at the caller`);
  });

  it('is compressed as it was asked for, is read by the tools of each compression, and comes in again', async (t) => {
    const { folder, client, run } = await startBare(t);
    const disk = join(folder, 'disk.raw');
    await sparseDisk(disk);
    await run('image', 'import', disk, '--name', 'First');
    const digest = createHash('sha256')
      .update(await readFile(disk))
      .digest('hex');
    const sizes: Record<string, number> = {};
    for (const [format, compression, tool] of [
      ['raw', 'zstd', ['zstd', '-dc']],
      ['raw', 'gzip', ['gzip', '-dc']],
      ['qcow2', 'gzip', null],
    ] as const) {
      const name = `${format}-${compression}`;
      const out = join(folder, name);
      await run(
        'image',
        'export',
        'First',
        '--format',
        format,
        '--compression',
        compression,
        '--output',
        out,
      );
      sizes[name] = (await stat(out)).size;
      assert.ok((await stat(out)).size < 3 * contentBytes, name);
      if (tool) {
        const [program, ...args] = tool;
        const plain = execFileSync(program, [...args, out], { maxBuffer: 2 * diskBytes });
        assert.equal(createHash('sha256').update(plain).digest('hex'), digest);
      } else {
        const same = execFileSync('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', disk, out]);
        assert.match(same.toString(), /identical/);
      }
      if (compression !== 'zstd') continue;
      await run('image', 'import', out, '--name', name);
      const { images } = await client.imageList({ q: name });
      assert.equal(images[0]?.attributes.status, 'available');
    }
    t.diagnostic(JSON.stringify(sizes));
  });
});
