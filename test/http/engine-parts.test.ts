// Engines lack some abilities, as that of a cluster does. A request for one is refused at once with
// what helps, and not accepted to fail later.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Engine } from '../../src/engine/port/engine.ts';
import { startOperator } from './operator.ts';
import { settled } from './settled.ts';

describe('an ability that the engine lacks', () => {
  it('is refused at the request with the engine’s name and what helps, and nothing is changed', async (t) => {
    const { h, id, install, does } = await settled(t, {
      wrapEngine: ({ transfer, packages, instant, vitals, ...engine }: Engine) => engine,
    });
    const image = await install([h.viewer.id]);
    const cases = [
      ['imageImport', undefined, { size_bytes: 1000 }, /no images as files; use .* base add/],
      ['imageExport', image, {}, /no images as files; use .* incus image export/],
      ['imagePackagesRead', image, undefined, /reads no disks .* machine exec/],
      ['imageFileDiffRead', image, {}, /reads no disks .* machine exec/],
      ['imageTemplatesSet', image, { templates: 'always' }, /starts no machines from memory/],
      ['machinePolicySet', id, { crash_policy: 'restart' }, /no machine is started again/],
      ['machinePolicySet', id, { auto_stop_threshold: 600 }, /stopped because it is idle/],
    ] as const;
    for (const [name, of, body, says] of cases) {
      const params = of === undefined ? {} : { params: { id: of } };
      const answer = await h.call(name, { ...params, body });
      assert.equal(answer.body.client_code, 400, name);
      assert.match(answer.body.message, /^The simulator /);
      assert.match(answer.body.message, says);
    }
    assert.equal((await h.call('transferList')).body.count, 0);
    // What asks for nothing of the engine is taken.
    assert.equal((await does('imageTemplatesSet', image, { templates: 'never' })).client_code, 200);
    const off = { crash_policy: 'off', auto_stop_threshold: 0 };
    assert.equal((await does('machinePolicySet', id, off)).client_code, 200);
    await h.service.reconciler.task('listPackages');
    const { attributes } = (await h.call('imagePackages', { params: { id: image } })).body;
    assert.deepEqual([attributes.state, /machine exec/.test(attributes.reason)], ['unread', true]);
    assert.equal((await does('machineStart', id)).client_code, 200);
    const { started } = (await h.call('machineGet', { params: { id } })).body.attributes;
    assert.match(started.because, /memory/);
  });

  it('is refused to an operator too, and what asks for nothing of it is taken', async (t) => {
    const { ask } = await startOperator(t, {
      wrapEngine: ({ instant: _, ...engine }: Engine) => engine,
    });
    const set = (templates: string) => ask('organisationTemplatesSet', { name: 'ours', templates });
    for (const policy of ['always', 'on-assignment']) {
      const refused = await set(policy);
      assert.equal(refused.status, 400, policy);
      assert.match(refused.body.message, /^The simulator starts no machines from memory/);
    }
    for (const policy of ['never', 'inherit'])
      assert.equal((await set(policy)).status, 200, policy);
  });
});
