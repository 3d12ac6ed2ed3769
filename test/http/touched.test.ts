// The record of what each change touches.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Application, type Change } from '../../src/app/application.ts';
import { imageInstall } from '../../src/app/image.ts';
import { operationNames, specOf } from '../../src/contract/table.ts';
import type { KeyId } from '../../src/domain/ids.ts';
import { permissions } from '../../src/domain/key.ts';
import { startHarness } from './harness.ts';

describe('a change', () => {
  it('fails and changes nothing unless it says what it touches', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const { store, masterKey, signer, clock } = h;
    const application = new Application({
      store,
      masterKey,
      signer,
      now: clock.now,
      keepDiskMs: 1000,
      transferPath: (id) => join(h.dataDir, 'transfers', id),
    });
    const change = (name: string, effect: Change['effect']) =>
      application.change({
        command: {
          name,
          caller: {
            keyId: h.keys.ours.key as KeyId,
            organisationId: h.ours,
            permissions,
            signature: name,
            signatureExpiresAt: clock.now() + 60_000,
          },
          requestId: name,
          requestDigest: name,
          idempotencyKey: name,
        },
        publicUrl: 'http://localhost',
        effect,
      });
    const silent = change('silent', async (context) =>
      imageInstall({ ...context, touched: () => {} }, { name: 'Silent' }),
    );
    await assert.rejects(silent, /silent changed something and did not say what it touched/);
    const { again } = await change('told', async (context) =>
      imageInstall(context, { name: 'Told' }),
    );
    assert.equal(again, false);
    const { body } = await h.call('imageList');
    assert.deepEqual(
      body.images.map((image: { attributes: { name: string } }) => image.attributes.name),
      ['Told'],
    );
    const { entries } = await store.read(h.ours, (work) =>
      work.audit.list({ from: 0, to: Number.MAX_SAFE_INTEGER, limit: 100 }),
    );
    assert.deepEqual(
      entries.map(({ action, imageId }) => [action, imageId]),
      [['told', body.images[0].attributes.id]],
    );
  });

  it('has a name for the audit trail in the contract, and a read has none', () => {
    for (const name of operationNames) {
      const { method, action } = specOf(name);
      assert.equal(action === undefined, method === 'GET', name);
    }
  });
});
