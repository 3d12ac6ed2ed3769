// Exports: one file with a digest, ranges and a signed manifest.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathPrefix } from '../../src/contract/envelope.ts';
import type { ImageId, LayerId } from '../../src/domain/ids.ts';
import { transfers } from './transfers.ts';

describe('an export', () => {
  it('is one file with a digest, ranges, and a manifest signed by this installation', async (t) => {
    const { h, install, exported, content } = await transfers(t);
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

  it('has its provenance in an envelope, which names the file, the base and the recipes', async (t) => {
    const { h, install, exported } = await transfers(t);
    const transfer = await exported(await install([h.editor.id]));
    const { payloadType, payload, signatures } = JSON.parse(transfer.attestation);
    const text = Buffer.from(payload, 'base64').toString();
    assert.equal(payloadType, 'application/vnd.in-toto+json');
    assert.equal(text, transfer.manifest, 'the manifest is the statement');
    // As tools that read DSSE put together what was signed.
    const signed = `DSSEv1 28 ${payloadType} ${Buffer.byteLength(text)} ${text}`;
    assert.equal(signatures[0].keyid, h.signer.id);
    assert.ok(h.signer.trusts(signed, signatures[0].sig));
    assert.ok(!h.signer.trusts(text, signatures[0].sig));

    const { _type, subject, predicateType, predicate } = JSON.parse(text);
    assert.deepEqual(
      [_type, predicateType],
      ['https://in-toto.io/Statement/v1', 'https://slsa.dev/provenance/v1'],
    );
    const name = 'Template #1.qcow2';
    assert.deepEqual(subject, [{ name, digest: { sha256: transfer.sha256 } }]);
    const { resolvedDependencies, externalParameters } = predicate.buildDefinition;
    assert.deepEqual(externalParameters.image.source, 'pre_installation');
    assert.deepEqual(
      resolvedDependencies.map(({ name }: { name: string }) => name),
      ['Base', 'Editor'],
    );
    for (const { digest } of resolvedDependencies) assert.match(digest.sha256, /^[0-9a-f]{64}$/);
  });

  it('is not cached on the way, and is refused in the envelope for a range that it does not have and for another file', async (t) => {
    const { h, install, exported } = await transfers(t);
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

  it('is refused for an image that is not available, and for damaged layers', async (t) => {
    const { h, install, exported } = await transfers(t);
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
