// Manifests that were not written by an export: each is accepted or refused with the reason, and
// none makes the service fail.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { pathPrefix } from '../../src/contract/envelope.ts';
import { runs } from '../runs.ts';
import { startHarness } from './harness.ts';

const manifests = runs(40);

const valid = {
  version: 1,
  name: 'Office',
  format: 'qcow2',
  bytes: 4,
  sha256: 'a'.repeat(64),
  virtualBytes: 1_000_000_000,
  base: { name: 'Base', key: 'sha256:b' },
  head: { layerId: 'head', key: null },
  software: [{ name: 'Editor', recipeDigest: 'sha256:c' }],
  createdAt: '2026-01-01T00:00:00.000Z',
};

type Json = Record<string, unknown>;

async function importer(t: TestContext) {
  const h = await startHarness(t, { reconcile: false });
  const open = (manifest: string) => h.call('imageImport', { body: { size_bytes: 4, manifest } });
  /** Sends the bytes of an open upload, and finishes it. */
  const finish = async (id: string, content = 'disk') => {
    const path = `${pathPrefix}/transfers/${id}`;
    const headers = { 'content-type': 'application/octet-stream' };
    const part = await h.send({ method: 'POST', path: `${path}/parts/0`, body: content, headers });
    assert.equal(part.status, 200, JSON.stringify(part.body));
    const finished = await h.call('transferFinish', { params: { id } });
    await h.service.reconciler.settle();
    return finished;
  };
  return { h, open, finish };
}

describe('a file', () => {
  it('of any JSON becomes a failed image with the reason, and no failure of the service', async (t) => {
    const { h, finish } = await importer(t);
    const simulated = { simulated: ['bytes'], virtualBytes: 1 };
    const odd = [
      null,
      7,
      [],
      {},
      { ...simulated, simulated: 'x' },
      { ...simulated, virtualBytes: null },
    ];
    for (const content of odd.map((value) => JSON.stringify(value))) {
      const { body } = await h.call('imageImport', { body: { size_bytes: content.length } });
      const { id } = (await finish(body.id, content)).body;
      const { status, status_reason } = (await h.call('imageGet', { params: { id } })).body
        .attributes;
      assert.deepEqual([status, /not a disk/.test(status_reason)], ['failed', true], content);
    }
  });
});

describe('a manifest', () => {
  it('with a field that is missing or of a wrong type is refused with the name of the field', async (t) => {
    const { open } = await importer(t);
    const cases: [string, unknown[]][] = [
      ['version', [undefined, null, 2, '1']],
      ['name', [undefined, null, 7, {}, ['a'], true]],
      ['sha256', [undefined, 7, 'A'.repeat(64), {}]],
      ['virtualBytes', [undefined, 0, -1, 1.5, '5', 1e300]],
      ['base', [undefined, 7, 'base', []]],
      ['base.key', [undefined, 7, null]],
      ['head', [undefined, null, 7]],
      ['head.layerId', [undefined, null, 7]],
      ['software', [undefined, null, {}, 'Editor']],
      ['software', [[null], [7]]],
    ];
    for (const [field, values] of cases) {
      const [outer = '', inner] = field.split('.');
      for (const value of values) {
        const changed = inner ? { ...((valid as Json)[outer] as Json), [inner]: value } : value;
        const { status, body } = await open(JSON.stringify({ ...valid, [outer]: changed }));
        const what = `${field} = ${JSON.stringify(value)}`;
        assert.deepEqual([status, body.client_code], [400, 400], what);
        assert.ok(
          body.message.startsWith(`The manifest's field ${field}`),
          `${what}: ${body.message}`,
        );
        assert.match(body.message, /silversmith image export/, what);
      }
    }
    for (const text of ['{{', '[]', 'null', '77', '""', '{}']) {
      const { status, body } = await open(text);
      assert.equal(status, 400, text);
      assert.match(body.message, /^The manifest/, text);
    }
  });

  it(`of any JSON is accepted or refused, without a failure of the service, ${manifests} times`, async (t) => {
    const { h, open, finish } = await importer(t);
    const paths = [...Object.keys(valid), 'base.key', 'base.name', 'head.layerId', 'head.key'];
    const broken = fc
      .tuple(
        fc.constantFrom(...paths),
        fc.option(fc.jsonValue({ maxDepth: 3 }), { nil: undefined }),
      )
      .map(([path, value]) => {
        const [outer = '', inner] = path.split('.');
        return {
          ...valid,
          [outer]: inner ? { ...((valid as Json)[outer] as Json), [inner]: value } : value,
        };
      });
    const manifest = fc.oneof({ weight: 4, arbitrary: broken }, fc.jsonValue());
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(manifest, async (value) => {
        const { status, body } = await open(JSON.stringify(value));
        assert.ok(status === 200 || status === 400, `${status} ${body.message}`);
        if (status !== 200) return;
        taken++;
        const finished = await finish(body.id);
        assert.equal(finished.status, 200, finished.body.message);
        await h.call('imageDelete', { params: { id: finished.body.id } });
        await h.call('transferDelete', { params: { id: body.id } });
      }),
      { numRuns: manifests, examples: [[valid], [null]] },
    );
    t.diagnostic(`${manifests} manifests, ${taken} taken`);
    assert.ok(taken > 0 && taken < manifests);
  });
});
