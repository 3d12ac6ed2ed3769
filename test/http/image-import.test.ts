// Imports: resuming after the last part, checking digests and signatures, and repairing a damaged
// image.

import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { pathPrefix } from '../../src/contract/envelope.ts';
import type { ImageId, LayerId } from '../../src/domain/ids.ts';
import { shownLayer } from '../../src/domain/layer.ts';
import { localCopy } from '../../src/domain/layer-copy.ts';
import { openTransfersMax } from '../../src/domain/transfer.ts';
import { call } from '../call.ts';
import { transfers } from './transfers.ts';

describe('an import', () => {
  it('reads the manifests of earlier versions, which have no provenance in them', async (t) => {
    const { h, install, exported, content, imported, finish, image } = await transfers(t);
    const { id, manifest } = await exported(await install([h.editor.id]));
    const { _type, subject, predicateType, predicate, ...earlier } = JSON.parse(manifest);
    assert.ok(_type && subject && predicateType && predicate);
    const text = JSON.stringify(earlier);
    const described = { manifest: text, signature: h.signer.sign(text) };
    const transfer = await imported((await content(id)).body, described);
    const made = await finish(transfer.id);
    const { status, softwares } = await image(made.attributes.id);
    assert.deepEqual([status, softwares[0]?.attributes.name], ['available', 'Editor']);
  });

  it('makes an image of an export, on the base of the exported image, with the software that the manifest names', async (t) => {
    const { h, install, exported, content, imported, finish, image } = await transfers(t);
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

  it('takes its parts only in order, resumes after the last part, and needs all of them to finish', async (t) => {
    const { h, part, finish } = await transfers(t);
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

  it('fails with the reason when the bytes do not have the given digest, or are not a disk', async (t) => {
    const { h, imported, finish, image } = await transfers(t);
    const wrong = await imported('not these bytes', { sha256: 'a'.repeat(64) });
    const first = await image((await finish(wrong.id)).attributes.id);
    assert.deepEqual(
      [first.status, /has the digest [0-9a-f]{64}, not aaaa/.test(first.status_reason)],
      ['failed', true],
    );
    const noise = await imported('no disk at all');
    const second = await image((await finish(noise.id)).attributes.id);
    assert.deepEqual([second.status, /not a disk/.test(second.status_reason)], ['failed', true]);
    const inventory = await h.engine.inventory(call);
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

  it('is available only when a machine came up on it once, where that was asked for', async (t) => {
    const { h, imported, finish, image } = await transfers(t);
    const disk = (content: string) =>
      JSON.stringify({ simulated: [content], virtualBytes: 10 ** 9 });
    const made = async (content: string, body?: object) => {
      const { id } = await imported(disk(content));
      return image((await finish(id, body)).attributes.id);
    };
    const stuck = 'sim-never-ready';
    assert.equal((await made(stuck)).status, 'available');
    assert.equal((await made('a system', { boot_check: true })).status, 'available');
    const layers = (await h.engine.inventory(call)).layers.size;
    const { status, status_reason } = await made(stuck, { boot_check: true });
    assert.equal(status, 'failed');
    assert.match(status_reason, /started on it once was not ready within 300 s/);
    assert.equal((await h.engine.inventory(call)).layers.size, layers);
  });

  it('heals a damaged image with its own export alone', async (t) => {
    const { h, install, exported, content, imported, finish, image } = await transfers(t);
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
    await h.engine.removeLayer(layerId as LayerId, call);
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

  it('that heals is not disturbed by the end of the quarantine, and overwrites no layer that is sound again', async (t) => {
    const { h, install, exported, content, imported, image } = await transfers(t);
    const id = await install([h.editor.id]);
    const { id: transferId, manifest, signature } = await exported(id);
    const bytes = (await content(transferId)).body;
    const layerId = (await h.store.read('system', (work) => work.images.get(id as ImageId)))
      .layerId as LayerId;
    for (const _ of [1, 2, 3]) await h.service.reconciler.task('verify');
    const { digest } = shownLayer(await h.store.read('system', (work) => work.layers.get(layerId)));
    await h.engine.lose(layerId);
    await h.service.reconciler.task('sweep');
    const transfer = await imported(bytes, { manifest, signature });
    await h.call('transferFinish', { params: { id: transfer.id }, body: { heal_image_id: id } });
    await h.engine.mend(layerId);
    await h.service.reconciler.task('sweep');
    assert.equal((await image(id)).status, 'failed');
    // This stands in for another import that healed the layer meanwhile.
    await h.store.write('system', (work) =>
      work.layerCopies.update(localCopy(layerId), { state: 'sound', fault: null }),
    );
    await h.service.reconciler.settle();
    const { attributes } = (await h.call('transferGet', { params: { id: transfer.id } })).body;
    assert.match(attributes.status_reason, /Nothing is wrong with the image any more/);
    assert.equal(await h.engine.verify.digest({ layerId, bytesPerSecond: 0 }, call), digest);
  });
});

describe('an import whose image is deleted before it is made', () => {
  it('ends its transfer, so that any number of such imports leave room for others', async (t) => {
    const { h, imported } = await transfers(t);
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

  it('is settled in a store of an older version, like images and machines without a job', async (t) => {
    const { h, imported } = await transfers(t);
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
    // Images and machines with a job continue.
    await h.service.reconciler.settle();
    await h.machineIs(other, 'ready');
    assert.equal(
      (await h.call('imageGet', { params: { id: begun.id } })).body.attributes.status,
      'available',
    );
  });
});
