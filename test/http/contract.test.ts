// The rules for every operation of the table: its permission, its organisation's isolation, and the
// form of its answers.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type OperationSpec, permissionsOf } from '../../src/contract/operation.ts';
import { openApiDocument } from '../../src/contract/print/openapi.ts';
import { apiReference, errorReference } from '../../src/contract/print/reference.ts';
import { clientRoutes, operatorRoutes } from '../../src/contract/print/routes.ts';
import { operatorTypes } from '../../src/contract/print/types.ts';
import { type OperationName, operations, specOf } from '../../src/contract/table.ts';
import { waitFor } from '../support.ts';
import { startHarness } from './harness.ts';

const names = Object.keys(operations) as OperationName[];

describe('every operation', () => {
  it('refuses a caller without a valid signature, and a caller without the permission', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    for (const name of names) {
      const { method, path } = operations[name] as OperationSpec;
      const request = {
        method,
        path: `/organization-management/v1${path.replaceAll(/\{\w+\}/g, '1')}`,
      };
      const unsigned = await h.send({ ...request, signature: '0'.repeat(64) });
      assert.deepEqual([unsigned.status, unsigned.body.client_code], [401, 401], name);
      const powerless = await h.send(request, h.keys.powerless);
      assert.deepEqual([powerless.status, powerless.body.client_code], [403, 4710], name);
      assert.match(
        powerless.body.message,
        new RegExp(permissionsOf(operations[name]).join(' or ')),
        name,
      );
    }
  });

  it("answers in the same way for another organisation's thing and for a thing that does not exist", async (t) => {
    // The store runs the same statements for both, so that the time does not tell them apart.
    let statements: string[] = [];
    const h = await startHarness(t, { reconcile: false, onQuery: (sql) => statements.push(sql) });
    const image = (await h.call('imageInstall')).body.id;
    const transfer = (await h.call('imageImport', { body: { size_bytes: 5 } })).body.id;
    const webhook = (await h.call('webhookCreate', { body: { url: 'https://a.test/' } })).body.id;
    await h.call('webhookPing', { params: { id: webhook } });
    await h.call('softwareList', {}, h.keys.theirs);
    // The first use of a key is written down beside the request.
    await waitFor('the use of the key is noted', async () => {
      const keys = await h.store.read('system', (work) => work.keys.list());
      return keys.every(({ id, lastUsedAt }) => id !== h.keys.theirs.key || lastUsedAt !== null);
    });
    const bodies: Partial<Record<OperationName, unknown>> = {
      imageAssign: { machine_ids: [1] },
      machineTypeSet: { machine_type_id: 1 },
      machinePermissionsSet: { permissions: {} },
      machineForwardAdd: { port: 2222, guest_port: 22 },
      imageProtect: { protected: true },
      imageTemplatesSet: { templates: 'never' },
      keyRotate: {},
      keyRevoke: {},
      webhookUpdate: { paused: true },
    };
    for (const name of names) {
      const { path } = operations[name] as OperationSpec;
      if (!path.includes('{id}')) continue;
      const id = path.startsWith('/images')
        ? image
        : path.startsWith('/transfers')
          ? transfer
          : path.startsWith('/keys')
            ? h.keys.ours.key
            : path.startsWith('/webhooks')
              ? webhook
              : String(h.machines[0]);
      const ask = async (asked: string) => {
        statements = [];
        const answer = await h.call(
          name,
          { params: { id: asked, offset: 0, delivery: 1, forward: 1 }, body: bodies[name] },
          h.keys.theirs,
        );
        // A key that was asked for before may be kept, whatever the request is for.
        return { ...answer, statements: statements.filter((one) => !one.includes('access_key')) };
      };
      const [foreign, missing] = [await ask(id), await ask('999999')];
      assert.ok(foreign.statements.length > 0, name);
      assert.deepEqual(foreign.statements, missing.statements, name);
      assert.deepEqual([foreign.status, foreign.body.client_code], [404, 404], name);
      assert.equal(
        foreign.body.message.replace(id, 'ID'),
        missing.body.message.replace('999999', 'ID'),
        name,
      );
    }
    // The same for ids in a body: a machine to capture, and machines to assign an image to.
    const theirImage = (await h.call('imageInstall', {}, h.keys.theirs)).body.id;
    for (const [name, code, bodyOf] of [
      ['imageCapture', 404, (id: number) => ({ machine_id: id })],
      ['imageAssign', 4211, (id: number) => ({ machine_ids: [id] })],
    ] as const) {
      const ask = async (id: number) => {
        statements = [];
        const { status, body } = await h.call(
          name,
          { params: { id: theirImage }, body: bodyOf(id) },
          h.keys.theirs,
        );
        return {
          status,
          code: body.client_code,
          message: body.message.replace(String(id), 'ID'),
          statements,
        };
      };
      const foreign = await ask(h.machines[1] ?? 0);
      assert.deepEqual([foreign.status, foreign.code], [404, code], name);
      assert.deepEqual(foreign, await ask(999999), name);
    }
    assert.equal((await h.call('imageList', {}, h.keys.theirs)).body.count, 1);
    assert.equal((await h.call('machineList', {}, h.keys.theirs)).body.count, 0);
  });

  it('has each field of a request in its path, in the query of a read, or in the body of a change', () => {
    const wrong = names.filter((name) => {
      const { method, path, params, query, body } = specOf(name);
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, field]) => field);
      const others = Object.keys((method === 'GET' ? query : body)?.properties ?? {});
      return (
        `${inPath}` !== `${Object.keys(params?.properties ?? {})}` ||
        (method === 'GET' ? body : query) !== undefined ||
        others.some((field) => inPath.includes(field))
      );
    });
    assert.deepEqual(wrong, [], 'the client puts fields where these rules say');
  });

  it('is in the committed OpenAPI document, the reference and the routes of the client', () => {
    const committed = JSON.parse(
      readFileSync(new URL('../../api/openapi.json', import.meta.url), 'utf8'),
    );
    assert.deepEqual(
      committed,
      JSON.parse(JSON.stringify(openApiDocument())),
      'type: npm run contract',
    );
    const page = (name: string) =>
      readFileSync(new URL(`../../docs/reference/${name}`, import.meta.url), 'utf8');
    assert.equal(page('api.md'), apiReference(), 'type: npm run contract');
    assert.equal(page('errors.md'), errorReference(), 'type: npm run contract');
    const routes = readFileSync(new URL('../../src/client/routes.ts', import.meta.url), 'utf8');
    assert.equal(routes, clientRoutes(), 'type: npm run contract');
    const client = (name: string) =>
      readFileSync(new URL(`../../src/client/operator-${name}.ts`, import.meta.url), 'utf8');
    assert.equal(client('routes'), operatorRoutes(), 'type: npm run contract');
    assert.equal(client('types'), operatorTypes(), 'type: npm run contract');
  });
});

describe('the envelope', () => {
  it('is in every refusal: 404, 405, malformed JSON, a wrong type, a body that is too large', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const install = { method: 'POST', path: '/organization-management/v1/images/install' };
    const cases: [number, Parameters<typeof h.send>[0]][] = [
      [404, { method: 'GET', path: '/organization-management/v1/nothing' }],
      [405, { method: 'DELETE', path: '/organization-management/v1/images' }],
      [400, { ...install, body: '{"name":' }],
      [400, { ...install, body: '{"__proto__": {"name": "x"}}' }],
      [
        415,
        {
          ...install,
          body: 'name=x',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        },
      ],
      [413, { ...install, body: JSON.stringify({ name: 'x'.repeat(1024 * 1024) }) }],
      [400, { method: 'GET', path: '/organization-management/v1/images/abc' }],
    ];
    for (const [expected, request] of cases) {
      const { status, body, headers } = await h.send(request);
      assert.equal(status, expected, JSON.stringify(body));
      assert.equal(body.client_code, expected);
      assert.match(body.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.ok(body.message.length > 10);
      assert.ok(headers['x-request-id']);
    }
  });

  it('is in a success with 200, OK and whole seconds', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const { body } = await h.call('softwareList');
    assert.deepEqual([body.client_code, body.message], [200, 'OK']);
    assert.match(body.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.deepEqual(body.software[0], {
      id: h.editor.id,
      type: 'software',
      name: 'Editor',
      size: 1.4,
      version: null,
      attributes: { id: h.editor.id, name: 'Editor', size: 1.4, version: null },
    });
    assert.equal(body.base_images[0].type, 'base_image');
  });
});
