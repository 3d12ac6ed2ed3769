// A server that is stopped during an import ends in seconds, and the next one resumes the import.
// The folders of the data directory may be on different file systems.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createClient } from '../../src/client/client.ts';
import { upload } from '../../src/client/transfer.ts';
import { withoutJob } from '../../src/engine/port/call.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { moveDurably } from '../../src/lib/files.ts';
import { systemPath } from '../../src/lib/spawn.ts';
import { serve } from '../../src/server/serve.ts';
import { contents } from '../content.ts';
import { layerId } from '../contract/engine/world.ts';
import { smallDisk } from '../small-disk.ts';
import { defer, leftOutWithoutRoot, temporaryFolder, waitFor } from '../support.ts';
import { quickDisk } from './quick-base.ts';
import { restMs, startQuick } from './quick-server.ts';

const mib = 1024 ** 2;

/** Uploads a file, finishes the transfer, and returns the id of its image. */
async function sendsIn(s: Awaited<ReturnType<typeof startQuick>>, bytes: Buffer): Promise<number> {
  const { id } = await s.client.imageImport({ size_bytes: bytes.length });
  const options = { url: s.url, ...s.key };
  await upload(s.client, options, id, async (at, length) => bytes.subarray(at, at + length));
  return (await s.client.transferFinish({ id })).attributes.id;
}

/** A qemu-img whose convert hangs for so many seconds; its process is found by that number. */
const hangingTool = (seconds: number) =>
  `case "$*" in convert*) exec sleep ${seconds};; esac\nexec ${execFileSync('which', ['qemu-img']).toString().trim()} "$@"`;

const hangs = (seconds: number) =>
  readdirSync('/proc').some((entry) => {
    try {
      return (
        /^\d+$/.test(entry) &&
        readFileSync(`/proc/${entry}/cmdline`, 'utf8') === `sleep\0${seconds}\0`
      );
    } catch {
      // The process ended between the two reads.
      return false;
    }
  });

describe('a server that is stopped during an import', () => {
  it('ends in seconds, and the next one finishes the import', async (t) => {
    const s = await startQuick(t);
    const disk = await readFile(await quickDisk(s.folder));
    const undo = await s.inFront('qemu-img', hangingTool(8123));
    const image = await sendsIn(s, disk);
    await waitFor('the disk is being converted', () => hangs(8123), restMs);
    const startedAt = performance.now();
    await s.close();
    const tookMs = performance.now() - startedAt;
    t.diagnostic(`${Math.round(tookMs)} ms`);
    assert.ok(tookMs < 60_000, `${tookMs}`);
    assert.deepEqual(await readdir(join(s.dataDir, 'engine', 'builds')), []);
    await undo();
    const heir = await serve(s.config);
    defer(t, () => heir.close());
    const client = createClient({ url: heir.url, ...s.key });
    const last = await waitFor(
      'the image is at rest',
      async () => {
        const { attributes } = await client.imageGet({ id: image });
        return ['available', 'failed'].includes(attributes.status) && attributes;
      },
      restMs,
    );
    assert.equal(last.status, 'available', last.status_reason ?? '');
  });
});

describe('folders on different file systems', { skip: leftOutWithoutRoot }, () => {
  it('work for exports, imports, builds and captures', async (t) => {
    const [dataDir, engine] = [await temporaryFolder(t), await smallDisk(t, 400)];
    const layers = join(engine, 'layers');
    await mkdir(layers);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=400m,mode=0711', 'tmpfs', layers], {
      stdio: 'pipe',
    });
    defer(t, () => execFileSync('umount', ['-l', layers]));
    await symlink(engine, join(dataDir, 'engine'));
    const s = await startQuick(t, { dataDir });
    const built = await s.build();
    assert.equal(built.status, 'available', built.status_reason ?? '');
    const asked = await s.client.imageExport({ id: built.id });
    const { status, status_reason: reason } = await waitFor(
      'the export is at rest',
      async () => {
        const { attributes } = await s.client.transferGet({ id: asked.id });
        return attributes.status !== 'building' && attributes;
      },
      restMs,
    );
    assert.equal(status, 'available', reason ?? '');
    const image = await sendsIn(s, await readFile(await quickDisk(s.folder)));
    await waitFor(
      'it is made',
      async () => (await s.client.imageGet({ id: image })).attributes.status === 'available',
      restMs,
    );
    await s.assertSound();
  });

  it('get whole copies, with the holes and the owner of the file, that replace an older file', async (t) => {
    const [from, to] = [join(await temporaryFolder(t), 'from'), join(await smallDisk(t, 20), 'to')];
    await writeFile(from, 'content');
    await truncate(from, 100 * mib);
    await chmod(from, 0o444);
    await writeFile(to, 'what was there before');
    await moveDurably(from, to);
    const found = await stat(to);
    assert.deepEqual(
      [found.size, found.mode & 0o777, found.blocks * 512 < mib],
      [100 * mib, 0o444, true],
    );
    assert.equal((await readFile(to, 'latin1')).slice(0, 8), 'content\0');
    assert.ok(!existsSync(from));
    await moveDurably(from, to);
    await writeFile(from, Buffer.alloc(30 * mib, 1));
    await assert.rejects(moveDurably(from, to), { code: 'ENOSPC' });
    assert.ok(existsSync(from) && (await stat(to)).size === 100 * mib);
  });
});

describe('a base with holes', () => {
  it('takes only the room of its written bytes, also while it is added', async (t) => {
    const folder = await temporaryFolder(t);
    const engine = await openQemu({ root: join(folder, 'engine') });
    const disk = join(folder, 'sparse.raw');
    const first = Buffer.alloc(mib, 5);
    first.writeUInt16BE(0x55aa, 510);
    await writeFile(disk, first);
    await truncate(disk, 256 * mib);
    const { signal } = new AbortController();
    let most = 0;
    const builds = join(folder, 'engine', 'builds');
    const id = layerId();
    const files = ['source', 'disk.qcow2'].map((name) => join(builds, `base-${id}`, name));
    const look = setInterval(async () => {
      const found = await Promise.all(files.map((file) => stat(file).catch(() => ({ blocks: 0 }))));
      most = Math.max(most, ...found.map(({ blocks }) => blocks * 512));
    }, 5);
    defer(t, () => clearInterval(look));
    const { storedBytes, virtualBytes } = await engine.importBase(
      { layerId: id, ...(await contents({ disk })) },
      withoutJob(signal),
    );
    assert.equal(virtualBytes, 256 * mib);
    assert.ok(storedBytes < 2 * mib && most > 0 && most < 4 * mib, `${storedBytes} ${most}`);
    const programs = await temporaryFolder(t);
    await chmod(programs, 0o755);
    await writeFile(join(programs, 'qemu-img'), `#!/bin/sh\n${hangingTool(8124)}\n`, {
      mode: 0o755,
    });
    const slow = await openQemu({
      root: join(folder, 'engine'),
      path: `${programs}:${systemPath}`,
    });
    const stop = new AbortController();
    const adding = assert.rejects(
      slow.importBase(
        { layerId: layerId(), ...(await contents({ disk })) },
        withoutJob(stop.signal),
      ),
      /stop/,
    );
    await waitFor('it converts', () => hangs(8124), restMs);
    stop.abort(new Error('stop'));
    await adding;
    assert.deepEqual(await readdir(builds), []);
  });
});
