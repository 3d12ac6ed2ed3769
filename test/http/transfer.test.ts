// Images out and in over the whole stack: bytes that go on where they were cut off, digests and
// signatures that count, and healing.

import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { pathPrefix } from '../../src/contract/envelope.ts';
import { AppError } from '../../src/domain/error.ts';
import type { ImageId, LayerId } from '../../src/domain/ids.ts';
import { localCopy } from '../../src/domain/layer-copy.ts';
import { openTransfersMax } from '../../src/domain/transfer.ts';
import type { Store } from '../../src/store/port/unit-of-work.ts';
import { seenLayer } from '../seen-layer.ts';
import { startHarness } from './harness.ts';

async function settled(t: TestContext, options: Parameters<typeof startHarness>[1] = {}) {
  const h = await startHarness(t, { reconcile: false, ...options });
  const install = async (software: number[]): Promise<number> => {
    const { body } = await h.call('imageInstall', { body: { software_ids: software } });
    await h.service.reconciler.settle();
    return body.attributes.id;
  };
  const exported = async (id: number, format = 'qcow2') => {
    const { body } = await h.call('imageExport', { params: { id }, body: { format } });
    await h.service.reconciler.settle();
    const { attributes } = (await h.call('transferGet', { params: { id: body.id } })).body;
    return attributes;
  };
  const content = (id: string, range?: string) =>
    h.sendRaw({
      method: 'GET',
      path: `${pathPrefix}/transfers/${id}/content`,
      headers: range ? { range } : {},
    });
  const part = (id: string, offset: number, bytes: string) =>
    h.send({
      method: 'POST',
      path: `${pathPrefix}/transfers/${id}/parts/${offset}`,
      body: bytes,
      headers: { 'content-type': 'application/octet-stream' },
    });
  const imported = async (bytes: string, more: object = {}) => {
    const { body } = await h.call('imageImport', { body: { size_bytes: bytes.length, ...more } });
    if (body.client_code !== 200) return body;
    await part(body.id, 0, bytes);
    return body;
  };
  const finish = async (id: string, body?: object) => {
    const answer = await h.call('transferFinish', { params: { id }, body });
    await h.service.reconciler.settle();
    return answer.body;
  };
  const image = async (id: number) =>
    (await h.call('imageGet', { params: { id } })).body.attributes;
  return { h, install, exported, content, part, imported, finish, image };
}

describe('an export', () => {
  it('is one file with a digest, ranges, and a manifest signed by this installation', async (t) => {
    const { h, install, exported, content } = await settled(t);
    const id = await install([h.editor.id]);
    const transfer = await exported(id);
    assert.equal(transfer.status, 'available');
    const whole = await content(transfer.id);
    assert.equal(createHash('sha256').update(whole.rawPayload).digest('hex'), transfer.sha256);
    assert.deepEqual(
      [whole.statusCode, whole.headers['content-type'], whole.rawPayload.length],
      [200, 'application/octet-stream', transfer.size_bytes],
    );
    const rest = await content(transfer.id, 'bytes=10-');
    assert.deepEqual(
      [rest.statusCode, rest.rawPayload.equals(whole.rawPayload.subarray(10))],
      [206, true],
    );
    const manifest = JSON.parse(transfer.manifest);
    assert.deepEqual(
      [manifest.base.name, manifest.software[0].name, manifest.sha256],
      ['Base', 'Editor', transfer.sha256],
    );
    assert.ok(h.signer.trusts(transfer.manifest, transfer.signature));
    assert.ok(!h.signer.trusts(transfer.manifest.replace('Editor', 'Edited'), transfer.signature));

    const foreign = await h.send(
      { method: 'GET', path: `${pathPrefix}/transfers/${transfer.id}` },
      h.keys.theirs,
    );
    assert.equal(foreign.status, 404);
    assert.equal((await h.call('transferDelete', { params: { id: transfer.id } })).status, 200);
    await h.service.reconciler.task('collect');
    assert.deepEqual(await readdir(join(h.dataDir, 'transfers')), []);
  });

  it('is kept by nothing on the way, and refused in the envelope when it has not the range or is not the file that is asked for', async (t) => {
    const { h, install, exported } = await settled(t);
    const transfer = await exported(await install([h.editor.id]));
    const path = `${pathPrefix}/transfers/${transfer.id}/content`;
    const whole = await h.sendRaw({ method: 'GET', path });
    assert.equal(whole.headers['cache-control'], 'private, no-store');
    const refused: [Record<string, string>, number][] = [
      [{ range: `bytes=${transfer.size_bytes}-` }, 416],
      [{ 'if-match': '"another"' }, 412],
      [{ 'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 412],
    ];
    for (const [headers, status] of refused) {
      const answer = await h.send({ method: 'GET', path, headers });
      assert.deepEqual([answer.status, answer.body.client_code], [status, status]);
      assert.equal(answer.headers['cache-control'], 'no-store');
      if (status === 416)
        assert.equal(answer.headers['content-range'], `bytes */${transfer.size_bytes}`);
    }
    await rm(join(h.dataDir, 'transfers', transfer.id));
    const gone = await h.send({ method: 'GET', path });
    assert.deepEqual([gone.status, gone.body.client_code], [404, 404]);
  });

  it('is refused of an image that is not available, and of layers that are damaged', async (t) => {
    const { h, install, exported } = await settled(t);
    const broken = await install([h.broken.id]);
    assert.equal((await h.call('imageExport', { params: { id: broken } })).body.client_code, 4210);
    const id = await install([h.editor.id]);
    const { layerId } = await h.store.read('system', (work) => work.images.get(id as ImageId));
    for (const _ of [1, 2]) await h.service.reconciler.task('verify');
    await h.engine.rot(layerId as LayerId);
    const transfer = await exported(id);
    assert.deepEqual(
      [transfer.status, /is damaged/.test(transfer.status_reason)],
      ['failed', true],
    );
    assert.equal(
      (await h.call('transferContent', { params: { id: transfer.id } })).body.client_code,
      409,
    );
  });
});

describe('an import', () => {
  it('makes an image of what was exported, on the base it was made from, with the software that its manifest names', async (t) => {
    const { h, install, exported, content, imported, finish, image } = await settled(t);
    const { id, manifest, signature } = await exported(await install([h.editor.id]));
    const bytes = (await content(id)).body;
    const transfer = await imported(bytes, { manifest, signature, name: 'Back again' });
    const made = await finish(transfer.id);
    const { status, name, softwares } = await image(made.attributes.id);
    assert.deepEqual(
      [status, name, softwares[0].attributes.name],
      ['available', 'Back again', 'Editor'],
    );
    const { layers } = (await h.call('imageStorage', { params: { id: made.attributes.id } })).body;
    assert.deepEqual(
      layers.map((layer: { kind: string }) => layer.kind),
      ['capture', 'base'],
    );
    const [machine = 0] = h.machines;
    await h.call('imageAssign', {
      params: { id: made.attributes.id },
      body: { machine_ids: [machine] },
    });
    await h.call('machineStart', { params: { id: machine } });
    await h.service.reconciler.settle();
    await h.machineIs(machine, 'ready');
    assert.equal(
      (await h.call('transferGet', { params: { id: transfer.id } })).body.attributes.status,
      'available',
    );
    const { logs } = (await h.call('userActionLogList')).body;
    const finished = logs.find(
      (log: { attributes: { action_type: string } }) =>
        log.attributes.action_type === 'image_imported',
    );
    assert.deepEqual(
      [finished.attributes.metadata.image_id, finished.attributes.organization_machine_id],
      [made.attributes.id, null],
    );
    await h.service.reconciler.task('collect');
    assert.ok(!(await readdir(join(h.dataDir, 'transfers'))).includes(transfer.id));
  });

  it('takes its parts in order only, goes on after the last, and is not finished before all are there', async (t) => {
    const { h, part, finish } = await settled(t);
    const { id } = (await h.call('imageImport', { body: { size_bytes: 10 } })).body;
    assert.equal((await part(id, 0, 'abcd')).body.attributes.received_bytes, 4);
    for (const offset of [0, 3, 5]) {
      const { body } = await part(id, offset, 'x');
      assert.deepEqual([body.client_code, /go on at 4/.test(body.message)], [409, true]);
    }
    assert.match((await finish(id)).message, /has 4 of 10 bytes; send the rest, from 4 on/);
    assert.match(
      (await part(id, 4, '1234567')).body.message,
      /said to have 10 bytes; with this part it has 11/,
    );
    assert.match((await part(id, 4, '')).body.message, /empty/);
    assert.equal((await part(id, 4, '123456')).status, 200);
    const answers = await Promise.all(
      [1, 2, 3].map(() => h.call('transferFinish', { params: { id } })),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409, 409]);
    assert.equal(
      (
        await h.send(
          { method: 'POST', path: `${pathPrefix}/transfers/${id}/parts/10`, body: 'x' },
          h.keys.theirs,
        )
      ).status,
      404,
    );
  });

  it('fails with the reason when the bytes are others than were promised, or no disk', async (t) => {
    const { h, imported, finish, image } = await settled(t);
    const wrong = await imported('not these bytes', { sha256: 'a'.repeat(64) });
    const first = await image((await finish(wrong.id)).attributes.id);
    assert.deepEqual(
      [first.status, /has the digest [0-9a-f]{64}, not aaaa/.test(first.status_reason)],
      ['failed', true],
    );
    const noise = await imported('no disk at all');
    const second = await image((await finish(noise.id)).attributes.id);
    assert.deepEqual([second.status, /not a disk/.test(second.status_reason)], ['failed', true]);
    const inventory = await h.engine.inventory();
    assert.equal(inventory.layers.size, 1);
    for (const body of [
      { size_bytes: 0 },
      { size_bytes: 2 ** 60 },
      { size_bytes: 5, sha256: 'short' },
      { size_bytes: 5, manifest: '{"version":2}' },
      { size_bytes: 5, manifest: 'nothing' },
    ])
      assert.equal((await h.call('imageImport', { body })).status, 400, JSON.stringify(body));
  });

  it('heals a damaged image with its own export, and with nothing else', async (t) => {
    const { h, install, exported, content, imported, finish, image } = await settled(t);
    const [machine = 0] = h.machines;
    const id = await install([h.editor.id]);
    const { id: transferId, manifest, signature } = await exported(id);
    const bytes = (await content(transferId)).body;
    await h.call('imageAssign', { params: { id }, body: { machine_ids: [machine] } });
    const { layerId } = await h.store.read('system', (work) => work.images.get(id as ImageId));
    const heal = async (more: object) => {
      const transfer = await imported(bytes, more);
      return finish(transfer.id, { heal_image_id: id });
    };
    assert.equal((await heal({ manifest, signature })).client_code, 409);
    await h.engine.removeLayer(layerId as LayerId);
    await h.service.reconciler.task('sweep');
    assert.equal((await image(id)).status, 'failed');

    assert.match((await heal({})).message, /signed by this installation/);
    const { privateKey } = generateKeyPairSync('ed25519');
    const forged = sign(null, Buffer.from(manifest), privateKey).toString('base64');
    assert.match(
      (await heal({ manifest, signature: forged })).message,
      /signed by this installation/,
    );
    assert.equal((await heal({ manifest, signature })).client_code, 200);
    assert.deepEqual(
      [(await image(id)).status, (await image(id)).status_reason],
      ['available', null],
    );
    await h.call('machineStart', { params: { id: machine } });
    await h.service.reconciler.settle();
    await h.machineIs(machine, 'ready');
  });

  it('ends no quarantine below an import that heals, and overwrites no image that is sound again', async (t) => {
    const { h, install, exported, content, imported, image } = await settled(t);
    const id = await install([h.editor.id]);
    const { id: transferId, manifest, signature } = await exported(id);
    const bytes = (await content(transferId)).body;
    const layerId = (await h.store.read('system', (work) => work.images.get(id as ImageId)))
      .layerId as LayerId;
    for (const _ of [1, 2, 3]) await h.service.reconciler.task('verify');
    const { digest } = seenLayer(await h.store.read('system', (work) => work.layers.get(layerId)));
    await h.engine.lose(layerId);
    await h.service.reconciler.task('sweep');
    const transfer = await imported(bytes, { manifest, signature });
    await h.call('transferFinish', { params: { id: transfer.id }, body: { heal_image_id: id } });
    await h.engine.mend(layerId);
    await h.service.reconciler.task('sweep');
    assert.equal((await image(id)).status, 'failed');
    // Another import has healed what it stands on.
    await h.store.write('system', (work) =>
      work.layerCopies.update(localCopy(layerId), { state: 'sound', fault: null }),
    );
    await h.service.reconciler.settle();
    const { attributes } = (await h.call('transferGet', { params: { id: transfer.id } })).body;
    assert.match(attributes.status_reason, /Nothing is wrong with the image any more/);
    assert.equal(await h.engine.layerDigest(layerId, 0, new AbortController().signal), digest);
  });
});

describe('the file of a transfer', () => {
  const fileOf = (h: { dataDir: string }, id: string) => join(h.dataDir, 'transfers', id);

  it('stays when the store refuses the deletion, and goes, hidden at once, when it takes it', async (t) => {
    let refuses = false;
    const wrapStore = (store: Store): Store => ({
      ...store,
      write: (scope, work) =>
        store.write(scope, async (unit) => {
          const result = await work(unit);
          if (refuses) throw new AppError('unavailable', 'The store refuses on purpose.');
          return result;
        }),
    });
    const { h, imported } = await settled(t, { wrapStore });
    const { id } = await imported('some bytes');
    const file = fileOf(h, id);
    refuses = true;
    assert.equal((await h.call('transferDelete', { params: { id } })).status, 503);
    refuses = false;
    await h.service.reconciler.task('collect');
    assert.equal(await readFile(file, 'utf8'), 'some bytes');
    assert.equal((await h.call('transferGet', { params: { id } })).status, 200);
    assert.equal((await h.call('transferDelete', { params: { id } })).status, 200);
    // Killed here, the next server goes on with the row.
    for (const name of ['transferGet', 'transferDelete', 'transferFinish'] as const)
      assert.equal((await h.call(name, { params: { id } })).status, 404, name);
    await h.service.reconciler.task('collect');
    await assert.rejects(readFile(file), /ENOENT/);
    assert.deepEqual(await h.store.read('system', (work) => work.transfers.deleted()), []);
  });

  it('is removed by the collector when no transfer is known for it', async (t) => {
    const { h, imported } = await settled(t);
    const { id } = await imported('some bytes');
    for (const name of ['0123', `${id}.part`]) await writeFile(fileOf(h, name), 'left by a kill');
    await h.service.reconciler.task('collect');
    assert.deepEqual(
      (await readdir(join(h.dataDir, 'transfers'))).sort(),
      [id, `${id}.part`].sort(),
    );
  });

  it('takes one of two parts that come for the same place at the same time, whole', async (t) => {
    const { h, part } = await settled(t);
    const bytes = 1024 ** 2;
    const { id } = (await h.call('imageImport', { body: { size_bytes: bytes } })).body;
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((letter) => part(id, 0, letter.repeat(bytes))),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409, 409, 409]);
    const winner = 'abcd'[answers.findIndex(({ status }) => status === 200)] ?? '';
    assert.equal(await readFile(fileOf(h, id), 'utf8'), winner.repeat(bytes));
  });

  it("is written outside of the store's transaction, which holds up every other writer", async (t) => {
    const sizes: number[] = [];
    let file = '';
    const wrapStore = (store: Store): Store => ({
      ...store,
      async write(scope, work) {
        if (file !== '') sizes.push((await stat(file).catch(() => ({ size: 0 }))).size);
        return store.write(scope, work);
      },
    });
    const { h, part } = await settled(t, { wrapStore });
    const { id } = (await h.call('imageImport', { body: { size_bytes: 10 } })).body;
    file = fileOf(h, id);
    assert.equal((await part(id, 0, 'all of it!')).status, 200);
    assert.deepEqual(sizes, [10]);
  });
});

describe('an import whose image is deleted before it is made', () => {
  it('ends its transfer, so that any number of them block nobody', async (t) => {
    const { h, imported } = await settled(t);
    for (let round = 0; round < openTransfersMax + 1; round++) {
      const { id, client_code, message } = await imported('some bytes');
      assert.equal(client_code, 200, message);
      const finished = (await h.call('transferFinish', { params: { id } })).body;
      assert.equal(finished.client_code, 200, finished.message);
      assert.equal(
        (await h.call('imageDelete', { params: { id: finished.attributes.id } })).status,
        200,
      );
      const { attributes } = (await h.call('transferGet', { params: { id } })).body;
      assert.deepEqual(
        [attributes.status, attributes.status_reason],
        ['failed', 'Its image was deleted before it was made.'],
      );
    }
    await h.service.reconciler.settle();
    await h.service.reconciler.task('collect');
    assert.deepEqual(await readdir(join(h.dataDir, 'transfers')), []);
  });

  it('is settled in a store that an older version left, as are images and machines without an operation', async (t) => {
    const { h, imported } = await settled(t);
    const [id = 0, other = 0] = h.machines;
    const { id: transfer } = await imported('some bytes');
    const finished = (await h.call('transferFinish', { params: { id: transfer } })).body;
    const built = (await h.call('imageInstall', { body: {} })).body;
    const begun = (await h.call('imageInstall', { body: { software_ids: [h.editor.id] } })).body;
    await h.call('machineStart', { params: { id: other } });
    const database = new DatabaseSync(join(h.dataDir, 'silversmith.db'));
    database.exec(`
      update job set state = 'cancelled' where image_id in (${finished.id}, ${built.id});
      update image set status = 'building' where id = ${built.id};
      update machine set status = 'installing', capturing_image_id = ${built.id} where id = ${id}`);
    database.close();
    await h.service.reconciler.task('collect');
    const { attributes } = (await h.call('transferGet', { params: { id: transfer } })).body;
    assert.deepEqual(
      [attributes.status, /ask for it again/.test(attributes.status_reason)],
      ['failed', true],
    );
    for (const one of [finished, built])
      assert.equal(
        (await h.call('imageGet', { params: { id: one.id } })).body.attributes.status,
        'failed',
      );
    await h.machineIs(id, 'off');
    // What has an operation goes on.
    await h.service.reconciler.settle();
    await h.machineIs(other, 'ready');
    assert.equal(
      (await h.call('imageGet', { params: { id: begun.id } })).body.attributes.status,
      'available',
    );
  });
});
