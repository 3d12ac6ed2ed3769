// The forms of numbers in a path or query, and of texts that are shown to others.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { baseAdd } from '../../src/app/operator/base.ts';
import { machineTypeAdd } from '../../src/app/operator/machine-type.ts';
import { pathPrefix } from '../../src/contract/envelope.ts';
import { operatorOn } from '../operator.ts';
import { startHarness } from './harness.ts';

describe('a number in a path or a query', () => {
  it('must be decimal digits without leading zeros', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const image = (await h.call('imageInstall', {})).body.id;
    assert.equal(image, '1');
    const wrong = [
      '0x1',
      '1e0',
      '1%0a',
      '01',
      '+1',
      '1.0',
      '%201',
      '1%20',
      '1_0',
      '0b1',
      '١',
      '0',
      '-1',
      '1,',
      '',
    ];
    for (const id of wrong.map((one) =>
      /[^\x21-\x7e]/.test(one) ? encodeURIComponent(one) : one,
    )) {
      for (const [method, path] of [
        ['GET', `/images/${id}`],
        ['DELETE', `/images/${id}`],
        ['POST', `/machines/${id}/reset`],
        ['GET', `/machines/${id}/disks`],
        ['POST', `/images/${id}/export`],
      ] as const) {
        const { status } = await h.send({ method, path: pathPrefix + path });
        assert.ok(
          status === 400 || status === 404 || (id === '' && status < 500),
          `${method} ${path}: ${status}`,
        );
      }
    }
    assert.equal(
      (await h.call('imageGet', { params: { id: image } })).body.attributes.status,
      'pending',
    );
    const part = (offset: string) =>
      h.send({
        method: 'POST',
        path: `${pathPrefix}/transfers/abc/parts/${offset}`,
        body: 'bytes',
      });
    for (const offset of ['00', '0x0', '1e3', '-0', '%200', '1%0a'])
      assert.equal((await part(offset)).status, 400, offset);
    assert.equal((await part('0')).status, 404);
    for (const page of ['0x1', '1e0', '1%0a', '01', '%201', ''])
      assert.equal((await h.call('imageList', { query: `?page=${page}` })).status, 400, page);
  });
});

describe('a text that is shown to others', () => {
  it('is refused with invisible or control characters, wherever a caller gives one', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const manifest = JSON.stringify({
      ...{
        version: 1,
        name: 'a\u202eb',
        sha256: '0'.repeat(64),
        virtualBytes: 1,
        base: null,
        software: [],
      },
      head: { layerId: 'a' },
    });
    const asked: [Parameters<typeof h.call>[0], (text: string) => unknown, number?][] = [
      ['imageInstall', (name) => ({ name })],
      ['imageCapture', (name) => ({ name, machine_id: 1 })],
      ['imageImport', (name) => ({ name, size_bytes: 5 })],
      ['machineCreate', (region) => ({ region, plan_id: h.machineType.id })],
      ['machineStart', (region) => ({ region })],
    ];
    for (const [name, body] of asked) {
      for (const text of [
        'a\nb',
        'a\u202eb',
        'a\u200bb',
        ' a',
        'a ',
        '\ud800',
        '\u2066',
        '\u001b[31m',
        '\u00a0',
      ]) {
        const answer = await h.call(name, { params: { id: 1 }, body: body(text) });
        assert.deepEqual(
          [answer.status, answer.body.client_code],
          [400, 400],
          `${name} ${JSON.stringify(text)}`,
        );
        assert.match(
          answer.body.message,
          /control or invisible character, or a space at its beginning or end; remove it/,
        );
      }
      const fine = await h.call(name, { params: { id: 1 }, body: body('👩🏽‍💻 می‌خواهم') });
      assert.doesNotMatch(fine.body.message, /invisible/, name);
    }
    const answer = await h.call('imageImport', { body: { size_bytes: 5, manifest } });
    assert.match(answer.body.message, /manifest's name holds the character U\+202E/);
    const { store, engine } = h;
    const type = { code: 's', cpus: 1, memoryMb: 1, diskSizeGb: 1 };
    await assert.rejects(
      machineTypeAdd(operatorOn(store), { name: 'a\u200bb', ...type }),
      /The name holds the character U\+200B/,
    );
    const base = { name: 'b ', files: { disk: '/dev/null' }, boot: { mode: 'bios' } } as const;
    await assert.rejects(
      baseAdd(operatorOn(store), engine, base),
      /The name begins or ends with a space/,
    );
  });
});
