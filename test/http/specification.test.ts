// What a client of the API that this project is compatible with gets: one that does not know our
// extensions, and takes no field that it does not know. One that asks for them gets more fields,
// and nothing else of it changes.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Ajv, type ValidateFunction } from 'ajv';
import { pathPrefix } from '../../src/contract/envelope.ts';
import type { OperationSpec } from '../../src/contract/operation.ts';
import { type OperationName, operations } from '../../src/contract/table.ts';
import { type Answer, type Key, startHarness } from './harness.ts';
import {
  answerSchema,
  answers,
  errorSchema,
  imageFields,
  machineFields,
  resourceSchema,
} from './specification.ts';

const ajv = new Ajv({ strict: false, allErrors: true });
const compiled = Object.fromEntries(
  Object.entries(answers).map(([name, fields]) => [name, ajv.compile(answerSchema(fields))]),
) as Partial<Record<OperationName, ValidateFunction>>;
const isError = ajv.compile(errorSchema);
const resources: Record<string, ValidateFunction> = {
  image: ajv.compile(resourceSchema(imageFields)),
  machine: ajv.compile(resourceSchema(machineFields)),
};

const assertValid = (validate: ValidateFunction, body: unknown, what: string) =>
  assert.ok(
    validate(body),
    `${what}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(body).slice(0, 400)}`,
  );

/** Images and machines anywhere inside of an answer of ours. */
function assertResources(value: unknown, what: string): void {
  if (value === null || typeof value !== 'object') return;
  const { id, type, attributes } = value as Record<string, unknown>;
  const validate = typeof type === 'string' ? resources[type] : undefined;
  if (validate && attributes) assertValid(validate, { id, type, attributes }, what);
  for (const inner of Object.values(value)) assertResources(inner, what);
}

type Input = { params?: Record<string, unknown>; query?: string; body?: unknown };

/** A harness whose callers send no header of ours, and take nothing but what they know. */
async function strictCaller(t: TestContext) {
  const h = await startHarness(t, { reconcile: false });
  const visited = new Map<OperationName, number>();
  const ask = async (
    name: OperationName,
    input: Input = {},
    as: Key = h.keys.ours,
  ): Promise<Answer> => {
    const { method, path } = operations[name] as OperationSpec;
    const { params = {}, query = '', body } = input;
    const filled =
      pathPrefix + path.replaceAll(/\{(\w+)\}/g, (_, field: string) => String(params[field]));
    const text = body === undefined ? '' : JSON.stringify(body);
    const response = await h.sendRaw(
      { method, path: filled, query, body: text, extensions: false },
      as,
    );
    const answer = {
      status: response.statusCode,
      body: response.json(),
      headers: response.headers,
    };
    const validate = compiled[name];
    const what = `${name} ${JSON.stringify(input)}`;
    if (answer.status >= 400) assertValid(isError, answer.body, what);
    else if (validate) assertValid(validate, answer.body, what);
    else assertResources(answer.body, what);
    if (answer.status < 400) visited.set(name, (visited.get(name) ?? 0) + 1);
    return answer;
  };
  return { h, ask, visited };
}

/**
 * Does the whole job, and every other thing once, so that each operation is answered at least once
 * with success.
 */
async function doEverything({
  h,
  ask,
}: Pick<Awaited<ReturnType<typeof strictCaller>>, 'h' | 'ask'>) {
  const settle = () => h.service.reconciler.settle();
  const [machine = 0, other = 0] = h.machines;
  const on = async (id: number) => {
    await ask('machineStart', { params: { id } });
    await ask('machineGet', { params: { id } });
    await settle();
  };
  const off = async (id: number) => {
    await ask('machineStop', { params: { id } });
    await settle();
  };
  await ask('softwareList');
  await ask('planList');
  const image = (await ask('imageInstall', { body: { software_ids: [h.editor.id] } })).body
    .attributes.id;
  const failing = (await ask('imageInstall', { body: { software_ids: [h.broken.id] } })).body
    .attributes.id;
  await ask('imageList');
  await settle();
  for (const id of [image, failing]) {
    await ask('imageGet', { params: { id } });
    await ask('imageLog', { params: { id } });
  }
  await ask('imageProtect', { params: { id: image }, body: { protected: true } });
  await ask('imageProtect', { params: { id: image }, body: { protected: false } });
  await ask('imageAssign', { params: { id: image }, body: { machine_ids: [machine, other] } });
  await ask('imageAssignUndo', { params: { id: image }, body: { machine_ids: [other] } });
  await ask('machineList');
  await on(machine);
  await ask('machineAccess', { params: { id: machine } });
  await off(machine);
  const captured = (await ask('imageCapture', { body: { machine_id: machine } })).body.attributes
    .id;
  await ask('machineGet', { params: { id: machine } });
  await settle();
  await ask('machineReset', { params: { id: machine } });
  await ask('machineDiskList', { params: { id: machine } });
  await ask('machineRestore', { params: { id: machine } });
  for (const name of ['machineTypeList', 'machineFileList', 'machineConsole'] as const)
    await ask(name, { params: { id: machine } });
  await ask('machineTypeSet', {
    params: { id: machine },
    body: { machine_type_id: h.machineType.id },
  });
  await ask('machinePermissionsSet', {
    params: { id: machine },
    body: { permissions: { clipboard_enabled: false } },
  });
  for (const name of ['machinePermissionFields', 'usageGet', 'fileList', 'fileCapacity'] as const)
    await ask(name);
  await ask('machineCreate', { body: { plan_id: h.machineType.id, quantity: 2 } });
  await ask('machineCreate', { body: { plan_id: h.machineType.id, base_image_id: h.base.id } });
  for (const name of ['imageStorage', 'imageDependents'] as const)
    await ask(name, { params: { id: captured } });
  await ask('imageDelete', { params: { id: captured } });
  await ask('imageList', { query: '?deleted=true' });
  await ask('imageRestore', { params: { id: captured } });
  const exported = (await ask('imageExport', { params: { id: image } })).body.id;
  await settle();
  await ask('transferGet', { params: { id: exported } });
  const bytes = await h.sendRaw({
    method: 'GET',
    path: `${pathPrefix}/transfers/${exported}/content`,
  });
  const opened = (await ask('imageImport', { body: { size_bytes: bytes.rawPayload.length } })).body
    .id;
  const part = {
    method: 'POST',
    path: `${pathPrefix}/transfers/${opened}/parts/0`,
    body: bytes.rawPayload.toString(),
  };
  const binary = { 'content-type': 'application/octet-stream' };
  assert.equal((await h.send({ ...part, headers: binary, extensions: false })).status, 200);
  await ask('transferFinish', { params: { id: opened } });
  await settle();
  await ask('transferDelete', { params: { id: exported } });
  await ask('userActionLogList');
}

describe('a caller that does not ask for extensions', () => {
  it('gets from every operation exactly the fields of the specification', async (t) => {
    const { h, ask, visited } = await strictCaller(t);
    await doEverything({ h, ask });
    const apart: OperationName[] = ['transferPart', 'transferContent'];
    const names = Object.keys(operations) as OperationName[];
    assert.deepEqual(
      names.filter((name) => !visited.has(name) && !apart.includes(name)),
      [],
    );
    const ofOthers = names.filter((name) => !(operations[name] as OperationSpec).extension);
    assert.deepEqual(Object.keys(answers).sort(), ofOthers.sort());
  });

  it('gets them also as the answer to a request that was sent with the header before', async (t) => {
    const { h } = await strictCaller(t);
    const request = {
      method: 'POST',
      path: `${pathPrefix}/images/install`,
      headers: { 'idempotency-key': 'one' },
    };
    const fieldsOf = async (extensions: boolean) => {
      const { attributes } = (await h.sendRaw({ ...request, extensions })).json();
      return [attributes.id, 'status_reason' in attributes];
    };
    const [id] = await fieldsOf(true);
    assert.deepEqual(await fieldsOf(false), [id, false]);
    assert.deepEqual(await fieldsOf(true), [id, true]);
  });

  it('is refused in the envelope and nothing else', async (t) => {
    const { h, ask } = await strictCaller(t);
    for (const name of Object.keys(operations) as OperationName[]) {
      if ((operations[name] as OperationSpec).content === 'response') continue;
      const params = { id: name.startsWith('transfer') ? 'none' : 999, offset: 0 };
      await ask(name, { params }, h.keys.powerless);
      await ask(name, {
        params,
        query: '?page=0',
        body: { software_ids: 'x', machine_ids: 7, expires_in: [] },
      });
    }
  });
});

describe('a caller that asks for extensions', () => {
  it('gets the same fields, and those of ours beside them', async (t) => {
    const { h, ask } = await strictCaller(t);
    const image = (await ask('imageInstall', { body: { software_ids: [h.editor.id] } })).body
      .attributes;
    const [id = 0] = h.machines;
    await ask('imageAssign', { params: { id: image.id }, body: { machine_ids: [id] } });
    await h.service.reconciler.settle();
    const more = async (name: 'imageGet' | 'machineGet', of: number) => {
      const plain = (await ask(name, { params: { id: of } })).body.attributes;
      const full = (await h.call(name, { params: { id: of } })).body.attributes;
      assert.deepEqual({ ...full, ...plain }, full);
      return Object.keys(full).filter((field) => !(field in plain));
    };
    assert.deepEqual(await more('imageGet', image.id), [
      ...['status_reason', 'progress', 'protected', 'deleted_at', 'phase'],
    ]);
    assert.deepEqual(await more('machineGet', id), [
      'status_reason',
      'assignment_pending',
      'phase',
    ]);
    // Nothing but this value asks for them.
    for (const value of ['0', 'true', '']) {
      const headers = { 'silversmith-extensions': value };
      const response = await h.sendRaw({
        method: 'GET',
        path: `${pathPrefix}/machines/${id}`,
        headers,
      });
      assert.equal('status_reason' in response.json().attributes, false, value);
    }
  });

  it('is told by a machine what is done to it, where the specification has an object that is always null', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const [id = 0] = h.machines;
    await h.call('machineStart', { params: { id } });
    const { task, phase } = (await h.call('machineGet', { params: { id } })).body.attributes;
    assert.equal(task, null);
    assert.equal(typeof phase, 'string');
  });
});
