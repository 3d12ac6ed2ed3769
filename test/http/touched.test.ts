// Each change records the things that it touches.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Application, type Change } from '../../src/app/application.ts';
import { imageInstall } from '../../src/app/image.ts';
import { localBlobs } from '../../src/blobs/local/blobs.ts';
import {
  type ChangeName,
  isReadName,
  type OperationName,
  operationNames,
  specOf,
} from '../../src/contract/table.ts';
import type { KeyId } from '../../src/domain/ids.ts';
import { permissions } from '../../src/domain/key.ts';
import { defaultForwarding } from '../../src/domain/machine-network.ts';
import { viewsOf } from '../../src/server/views.ts';
import { changes } from './changes.ts';
import { startHarness } from './harness.ts';
import type { Key } from './requests.ts';
import { assertTold, eventsOf } from './told.ts';
import { trail } from './trail.ts';

describe('a change', () => {
  it('fails and changes nothing unless it records the things that it touches', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const { store, masterKey, signer, clock } = h;
    const application = new Application({
      store,
      masterKey,
      signer,
      now: clock.now,
      forwarding: defaultForwarding,
      keepDiskMs: 1000,
      machinePolicy: { crashPolicy: 'off', autoStopS: 0 },
      blobs: localBlobs(join(h.dataDir, 'transfers')),
      assertTakes() {},
      assertEngineHas() {},
      views: viewsOf(() => null),
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

const changing = operationNames.filter((name): name is ChangeName => !isReadName(name));

describe('every operation that changes something', { concurrency: 2 }, () => {
  for (const name of changing) {
    it(`${name} leaves an entry and events that name the things it touched`, async (t) => {
      const given = await trail(t);
      const {
        answer,
        image = null,
        machines = [null],
        transfer = null,
      } = await changes[name](given);
      assert.equal(answer.status, 200, answer.body.message);
      assert.deepEqual(await given.entryOf(answer), {
        action: specOf(name).action,
        code: 200,
        image,
        machines,
        transfer,
      });
      const requestId = answer.headers['x-request-id'];
      const events = (await eventsOf(given.h.store)).filter(
        ({ facts }) => facts.requestId === requestId,
      );
      assert.deepEqual(
        new Set(events.map(({ type, subject }) => `${type} ${subject}`)),
        new Set([
          ...(image === null ? [] : [`image.changed ${image}`]),
          ...machines.flatMap((one) => (one === null ? [] : [`machine.changed ${one}`])),
          ...(transfer === null ? [] : [`transfer.changed ${transfer}`]),
        ]),
      );
      assert.ok(events.every(({ facts }) => facts.operation === name));
      await assertTold(given.h);
      await given.settle();
      await assertTold(given.h);
    });
  }

  it('leaves one entry when it is refused for the permission, for the request, or for a thing that does not exist', async (t) => {
    const { h, entryOf } = await trail(t);
    const refused = async (name: OperationName, id: string, as: Key, code: number) => {
      const { method, path, body, content } = specOf(name);
      const filled = path
        .replace('{id}', id)
        .replace('{offset}', '0')
        .replaceAll(/\{(delivery|forward)\}/g, '1');
      const sent = body || content ? '[' : '';
      const answer = await h.send(
        { method, path: `/organization-management/v1${filled}`, body: sent },
        as,
      );
      assert.equal(answer.body.client_code, code, name);
      const known = /^\d+$/.test(id) && path.includes('{id}');
      const image = known && path.startsWith('/images/') ? Number(id) : null;
      const machine = known && path.startsWith('/machines/') ? Number(id) : null;
      const action = specOf(name).action;
      assert.deepEqual(
        await entryOf(answer),
        { action, code, image, machines: [machine], transfer: null },
        name,
      );
    };
    for (const name of changing) {
      await refused(name, '77', h.keys.powerless, 4710);
      const { body, path, content } = specOf(name);
      if (body) await refused(name, '77', h.keys.ours, 400);
      if (path.includes('{id}') && !body && !content) await refused(name, '77', h.keys.ours, 404);
      if (/^\/(images|machines)\/\{id\}/.test(path)) await refused(name, 'seven', h.keys.ours, 400);
    }
  });
});
