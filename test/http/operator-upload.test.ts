// Files that operators send, and the bases and titles that are made of them.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { auditList } from '../../src/app/operator/audit.ts';
import { localBlobs } from '../../src/blobs/local/blobs.ts';
import { transferPartBytesMax } from '../../src/contract/transfer.ts';
import type { UploadId } from '../../src/domain/ids.ts';
import { openUploadsMax, uploadMs } from '../../src/domain/upload.ts';
import { virtualClock, waitFor } from '../support.ts';
import { startOperator } from './operator.ts';

const digestOf = (text: string) => createHash('sha256').update(text).digest('hex');
const disk = 'a simulated disk that was sent';
const id = digestOf(disk);

describe('an upload of an operator', () => {
  it('goes on where it ended, is the same for all who send the file, and is used up', async (t) => {
    const h = await startOperator(t);
    const open = { id, size_bytes: disk.length };
    assert.equal((await h.ask('uploadOpen', open)).body.received_bytes, 0);
    assert.equal((await h.part(id, 0, disk.slice(0, 10))).body.received_bytes, 10);
    const again = await h.ask('uploadOpen', open);
    assert.deepEqual([again.status, again.body.received_bytes], [200, 10]);
    const wrong = await h.part(id, 0, disk.slice(0, 10));
    assert.deepEqual([wrong.status, /go on at 10/.test(wrong.body.message)], [409, true]);
    const early = await h.done('baseAdd', { name: 'Sent', disk: id });
    assert.equal(early.failure.client_code, 409);
    assert.match(early.failure.message, /10 of 30 bytes; send the rest, from 10 on/);
    assert.equal((await h.part(id, 10, disk.slice(10))).status, 200);
    assert.equal((await h.ask('uploadGet', undefined, h.operator, id)).body.received_bytes, 30);
    const { result } = await h.done('baseAdd', { name: 'Sent', disk: id });
    assert.equal(result.base.name, 'Sent');
    const { bases } = (await h.ask('baseList')).body;
    assert.equal(bases.find((one: { name: string }) => one.name === 'Sent').id, result.base.id);
    assert.deepEqual((await h.ask('uploadList')).body.uploads, []);
    assert.deepEqual(await localBlobs(h.transfers).list(), []);
    const [entry] = await auditList(h.store, 1);
    assert.deepEqual([entry?.action, entry?.outcome], ['baseAdd', 'done']);
    assert.equal(entry?.operator, `key:${h.operator.key}`);
  });

  it('refuses parts that are empty, too many, too large, of another upload or not signed', async (t) => {
    const h = await startOperator(t);
    const none = await h.part(id, 0, 'x');
    assert.deepEqual([none.status, /no upload/.test(none.body.message)], [404, true]);
    await h.ask('uploadOpen', { id, size_bytes: 3 });
    const other = await h.ask('uploadOpen', { id, size_bytes: 4 });
    assert.deepEqual([other.status, /said to have 3 bytes/.test(other.body.message)], [409, true]);
    assert.equal((await h.part(id, 0, '')).status, 400);
    assert.equal((await h.part(id, 0, 'four')).status, 400);
    assert.equal((await h.part(id, 0, 'x'.repeat(transferPartBytesMax + 1))).status, 413);
    assert.equal((await h.part('../../etc/passwd', 0, 'x')).status, 404);
    assert.equal((await h.part('%2e%2e%2fmaster.key', 0, 'x')).status, 400);
    assert.equal((await h.part(id.toUpperCase(), 0, 'x')).status, 400);
    assert.equal((await h.part(id, -1, 'x')).status, 400);
    assert.equal((await h.ask('uploadGet', undefined, h.operator, id)).body.received_bytes, 0);
    for (const size_bytes of [0, -1, 1.5, 16 * 1024 ** 4 + 1, '3'])
      assert.equal((await h.ask('uploadOpen', { id, size_bytes })).status, 400);
  });

  it('is refused when the host has no room for the file and for what is made of it', async (t) => {
    const h = await startOperator(t);
    await h.store.write('system', async (work) => {
      const kinds = await work.account.kinds();
      const knownBytes = kinds.reduce((sum, { bytes }) => sum + bytes, 0);
      const limits = { memoryMb: null, cpus: null, growthBytes: 0, buildPlaces: 2 };
      await work.host.setMeasured({ totalBytes: 1000, freeBytes: 500, knownBytes, ...limits });
    });
    // 450 bytes may be taken, and each file counts twice.
    assert.equal((await h.ask('uploadOpen', { id, size_bytes: 150 })).status, 200);
    const more = await h.ask('uploadOpen', { id: digestOf('two'), size_bytes: 100 });
    assert.deepEqual([more.status, more.body.client_code], [503, 440]);
    assert.match(more.body.message, /promised to other work/);
    const image = await h.call('imageImport', { body: { size_bytes: 100 } });
    assert.equal(image.body.client_code, 440, 'an import counts what operators send');
    await h.ask('uploadRemove', undefined, h.operator, id);
    assert.equal((await h.call('imageImport', { body: { size_bytes: 100 } })).status, 200);
  });

  it('is refused beyond the number that may be open', async (t) => {
    const h = await startOperator(t);
    await h.store.write('system', async (work) => {
      for (let at = 0; at < openUploadsMax; at++)
        await work.uploads.add({
          id: digestOf(String(at)) as UploadId,
          bytes: 1,
          expiresAt: work.now() + uploadMs,
        });
    });
    const one = await h.ask('uploadOpen', { id, size_bytes: 3 });
    assert.deepEqual([one.status, /250 uploads are open/.test(one.body.message)], [400, true]);
  });

  it('is forgotten when the bytes are not those of its digest', async (t) => {
    const h = await startOperator(t);
    await h.ask('uploadOpen', { id, size_bytes: 5 });
    await h.part(id, 0, 'other');
    const { failure } = await h.done('baseAdd', { name: 'Wrong', disk: id });
    assert.equal(failure.client_code, 400);
    assert.match(failure.message, new RegExp(`digest ${digestOf('other')}, not ${id}`));
    assert.equal((await h.ask('uploadGet', undefined, h.operator, id)).status, 404);
    assert.deepEqual(await localBlobs(h.transfers).list(), []);
  });

  it('leaves nothing when it is not finished, and nothing of an organisation’s goes with it', async (t) => {
    const clock = virtualClock();
    const h = await startOperator(t, { clock });
    await h.ask('uploadOpen', { id, size_bytes: 30 });
    await h.part(id, 0, 'half');
    assert.deepEqual(await localBlobs(h.transfers).list(), [id]);
    await clock.sleep(uploadMs - 1000);
    await h.part(id, 4, 'more');
    await h.service.reconciler.task('collect');
    await clock.sleep(uploadMs - 1000);
    await h.service.reconciler.task('collect');
    assert.equal((await h.ask('uploadList')).body.uploads.length, 1, 'each part puts it off');
    await clock.sleep(2000);
    await h.service.reconciler.task('collect');
    assert.deepEqual((await h.ask('uploadList')).body.uploads, []);
    assert.deepEqual(await localBlobs(h.transfers).list(), []);
  });

  it('is removed while it is used: one of both is told so, and nothing is left half made', async (t) => {
    const h = await startOperator(t);
    await h.sent(disk);
    const [added, removed] = await Promise.all([
      h.done('baseAdd', { name: 'Sent', disk: id }),
      h.ask('uploadRemove', undefined, h.operator, id),
    ]);
    assert.ok([200, 404].includes(removed.status), String(removed.status));
    const { bases } = (await h.ask('baseList')).body;
    const isThere = bases.some((one: { name: string }) => one.name === 'Sent');
    assert.equal(isThere, added.status === 'done');
    if (!isThere) assert.match(added.failure.message, /upload/i);
    await waitFor('nothing is left of it', async () => {
      const left = await localBlobs(h.transfers).list();
      return left.length === 0;
    });
  });

  it('gives one base when the same disk is added twice at once', async (t) => {
    const h = await startOperator(t);
    await h.sent(disk);
    const both = await Promise.all(
      ['One', 'Two'].map((name) => h.done('baseAdd', { name, disk: id })),
    );
    assert.deepEqual(both.map(({ status }) => status).sort(), ['done', 'failed']);
    assert.equal((await h.ask('baseList')).body.bases.length, 2, 'with that of the harness');
  });
});

describe('a title of an operator', () => {
  it('is added with the files that were sent, under the names that it gives them', async (t) => {
    const h = await startOperator(t);
    const file = await h.sent('an installer');
    const body = {
      ...{ name: 'Tool', size_gb: 1.5, script: 'sh setup.sh\n', network: true },
      files: [{ name: 'setup.sh', id: file }],
    };
    const { result } = await h.done('softwareAdd', body);
    assert.deepEqual(result.software.recipe, {
      ...{ script: 'sh setup.sh\n', network: true, timeout_ms: 1800_000 },
      files: [{ name: 'setup.sh', sha256: file, bytes: 12 }],
    });
    assert.deepEqual((await h.ask('uploadList')).body.uploads, []);
    const twice = await h.done('softwareAdd', { ...body, files: [] });
    assert.deepEqual([twice.status, twice.failure.client_code], ['failed', 409]);
    const given = { ...body, name: 'Tool 2', files: [] };
    const changed = await h.done('softwareUpdate', given, String(result.software.id));
    assert.equal(changed.result.software.name, 'Tool 2');
    const { software } = (await h.ask('softwareList')).body;
    assert.deepEqual(software.at(-1), changed.result.software);
  });

  it('refuses names of files that lead elsewhere, twice the same name, and what is too large', async (t) => {
    const h = await startOperator(t);
    const file = await h.sent('an installer');
    const title = { name: 'Tool', size_gb: 1, script: 'true' };
    for (const name of [
      '../up',
      '/etc/passwd',
      'a/b',
      '.hidden',
      '',
      'nul\0',
      'a'.repeat(201),
      '..',
    ])
      assert.equal(
        (await h.ask('softwareAdd', { ...title, files: [{ name, id: file }] })).status,
        400,
        JSON.stringify(name),
      );
    const files = [
      { name: 'one', id: file },
      { name: 'one', id: file },
    ];
    const twice = await h.done('softwareAdd', { ...title, files });
    assert.match(twice.failure.message, /Two files of the recipe are named one/);
    const wrong = [
      { ...title, script: 'x'.repeat(256 * 1024 + 1) },
      { ...title, size_gb: 0 },
      { ...title, size_gb: 10_001 },
      { ...title, name: ' x' },
      { ...title, timeout_ms: 999 },
      { ...title, files: Array.from({ length: 201 }, () => ({ name: 'a', id: file })) },
      { ...title, files: [{ name: 'a', id: 'short' }] },
      { ...title, unknown: 1 },
    ];
    for (const body of wrong.slice(0, -1))
      assert.equal(
        (await h.ask('softwareAdd', body)).status,
        400,
        JSON.stringify(body).slice(0, 90),
      );
    const none = await h.done('softwareAdd', {
      ...title,
      files: [{ name: 'a', id: '0'.repeat(64) }],
    });
    assert.equal(none.failure.client_code, 404);
    assert.equal((await h.ask('softwareList')).body.software.length, 5, 'those of the harness');
  });
});
