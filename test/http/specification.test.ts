// The answers to a client of the API that this project is compatible with, which does not know our
// extensions and refuses unknown fields. A client that asks for the extensions gets more fields and
// otherwise the same answers.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Ajv, type ValidateFunction } from 'ajv';
import { pathPrefix } from '../../src/contract/envelope.ts';
import type { OperationSpec } from '../../src/contract/operation.ts';
import { type OperationName, operations } from '../../src/contract/table.ts';
import type { MachineId } from '../../src/domain/ids.ts';
import { pinged } from './changes.ts';
import { startHarness } from './harness.ts';
import type { Answer, Key } from './requests.ts';
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

/** Checks images and machines anywhere inside an answer of one of our own operations. */
function assertResources(value: unknown, what: string): void {
  if (value === null || typeof value !== 'object') return;
  const { id, type, attributes } = value as Record<string, unknown>;
  const validate = typeof type === 'string' ? resources[type] : undefined;
  if (validate && attributes) assertValid(validate, { id, type, attributes }, what);
  for (const inner of Object.values(value)) assertResources(inner, what);
}

type Input = { params?: Record<string, unknown>; query?: string; body?: unknown };

/** A harness whose callers do not ask for extensions, and fail on a field that they do not know. */
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

type Caller = Pick<Awaited<ReturnType<typeof strictCaller>>, 'h' | 'ask'>;

/** Does everything once, so that each operation is answered at least once with success. */
async function doEverything(caller: Caller): Promise<void> {
  const { ask } = caller;
  for (const name of ['softwareList', 'planList', 'machinePermissionFields', 'usageGet'] as const)
    await ask(name);
  for (const name of ['fileList', 'fileCapacity'] as const) await ask(name);
  const image = await doWithImages(caller);
  const captured = await doWithMachines(caller);
  await doWithTransfers(caller, image);
  for (const name of ['imageStorage', 'imageDependents'] as const)
    await ask(name, { params: { id: captured } });
  await ask('imageDelete', { params: { id: captured } });
  await ask('imageList', { query: '?deleted=true' });
  await ask('imageRestore', { params: { id: captured } });
  await ask('transferList');
  await ask('keyList');
  const made = (await ask('keyCreate', { body: { name: 'new', permissions: [] } })).body.key;
  await ask('keyRotate', { params: { id: made }, body: {} });
  await ask('keyRevoke', { params: { id: made }, body: {} });
  await ask('userActionLogList');
  const { params } = await pinged(caller.h);
  await ask('webhookCreate', { body: { url: 'https://a.test/', types: ['image.changed'] } });
  await ask('webhookList');
  await ask('webhookUpdate', { params, body: { paused: true } });
  for (const name of ['webhookGet', 'webhookPing', 'webhookRotate', 'webhookDeliveryList'] as const)
    await ask(name, { params });
  await ask('webhookRedeliver', { params });
  await ask('webhookDelete', { params });
}

/** Builds an image and fails to build another; returns the id of the first. */
async function doWithImages({ h, ask }: Caller): Promise<number> {
  const install = async (software: number) =>
    (await ask('imageInstall', { body: { software_ids: [software] } })).body.attributes.id;
  const [image, failing] = [await install(h.editor.id), await install(h.broken.id)];
  await ask('imageCancel', { params: { id: await install(h.editor.id) } });
  await ask('imageList');
  await h.service.reconciler.settle();
  for (const id of [image, failing]) {
    await ask('imageGet', { params: { id } });
    await ask('imageLog', { params: { id } });
  }
  const params = { id: image };
  for (const name of ['imagePackagesRead', 'imagePackages'] as const) await ask(name, { params });
  await ask('imageFileDiffRead', { params });
  await h.service.reconciler.task('listPackages');
  await h.service.reconciler.task('compareFiles');
  for (const name of ['imagePackages', 'imageSbom', 'imageDiff', 'imageFileDiff'] as const)
    await ask(name, { params });
  await ask('imageProtect', { params, body: { protected: true } });
  await ask('imageProtect', { params, body: { protected: false } });
  await ask('imageTemplatesSet', { params, body: { templates: 'never' } });
  const machine_ids = h.machines;
  await ask('imageAssign', { params, body: { machine_ids } });
  await ask('imageAssignUndo', { params, body: { machine_ids: machine_ids.slice(1) } });
  return image;
}

/** Returns the id of the image that it captures of the first machine. */
async function doWithMachines({ h, ask }: Caller): Promise<number> {
  const [id = 0] = h.machines;
  const params = { id };
  const settle = () => h.service.reconciler.settle();
  await ask('machineList');
  await ask('machineStart', { params });
  await ask('machineGet', { params });
  await settle();
  await ask('machineAccess', { params });
  await ask('machineStop', { params });
  await settle();
  const captured = (await ask('imageCapture', { body: { machine_id: id } })).body.attributes.id;
  await ask('machineGet', { params });
  await settle();
  await ask('machineReset', { params });
  await ask('machineDelete', { params });
  await h.service.reconciler.settle();
  await ask('machineUndelete', { params });
  await ask('machineDiskList', { params });
  await ask('machineRestore', { params });
  for (const name of ['machineTypeList', 'machineFileList', 'machineConsole'] as const)
    await ask(name, { params });
  await h.store.write(h.ours, (work) => work.machines.update(id as MachineId, { network: 'user' }));
  const forward = (await ask('machineForwardAdd', { params, body: { port: 2222, guest_port: 22 } }))
    .body.id;
  await ask('machineForwardList', { params });
  await ask('machineForwardRemove', { params: { ...params, forward } });
  const { id: typeId } = h.machineType;
  await ask('machineTypeSet', { params, body: { machine_type_id: typeId } });
  const permissions = { clipboard_enabled: false };
  await ask('machinePermissionsSet', { params, body: { permissions } });
  await ask('machinePolicySet', { params, body: { auto_stop_threshold: 60 } });
  await ask('machineCreate', { body: { plan_id: typeId, quantity: 2 } });
  await ask('machineCreate', { body: { plan_id: typeId, base_image_id: h.base.id } });
  return captured;
}

/** Exports an image and imports the file. */
async function doWithTransfers({ h, ask }: Caller, image: number): Promise<void> {
  const settle = () => h.service.reconciler.settle();
  const exported = (await ask('imageExport', { params: { id: image } })).body.id;
  await settle();
  await ask('transferGet', { params: { id: exported } });
  const path = `${pathPrefix}/transfers/${exported}/content`;
  const bytes = (await h.sendRaw({ method: 'GET', path })).rawPayload;
  const opened = (await ask('imageImport', { body: { size_bytes: bytes.length } })).body.id;
  const part = {
    method: 'POST',
    path: `${pathPrefix}/transfers/${opened}/parts/0`,
    body: bytes.toString(),
    headers: { 'content-type': 'application/octet-stream' },
  };
  assert.equal((await h.send({ ...part, extensions: false })).status, 200);
  await ask('transferFinish', { params: { id: opened } });
  await settle();
  await ask('transferDelete', { params: { id: exported } });
}

describe('a caller that does not ask for extensions', () => {
  it('gets from every operation exactly the fields of the specification', async (t) => {
    const { h, ask, visited } = await strictCaller(t);
    await doEverything({ h, ask });
    const bytes: OperationName[] = ['transferPart', 'transferContent', 'machineScreen'];
    const apart: OperationName[] = [...bytes, 'eventList'];
    const names = Object.keys(operations) as OperationName[];
    assert.deepEqual(
      names.filter((name) => !visited.has(name) && !apart.includes(name)),
      [],
    );
    const ofOthers = names.filter((name) => !(operations[name] as OperationSpec).extension);
    assert.deepEqual(Object.keys(answers).sort(), ofOthers.sort());
  });

  it('gets them also as the repeated answer to a request that was first sent with the header', async (t) => {
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

  it('is refused with exactly the envelope', async (t) => {
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
  it('gets the same fields and our own beside them', async (t) => {
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
      ...['base_id', 'base_name', 'base_version', 'templates'],
    ]);
    assert.deepEqual(await more('machineGet', id), [
      ...['status_reason', 'assignment_pending', 'phase', 'deleted_at', 'cpus', 'memory_mb'],
      ...['addresses', 'network', 'crash_policy', 'restarts_at', 'place', 'started', 'root_system'],
    ]);
    // Only this value asks for them.
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

  it('sees the current work on a machine, where the specification has an object that is always null', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const [id = 0] = h.machines;
    await h.call('machineStart', { params: { id } });
    const { task, phase } = (await h.call('machineGet', { params: { id } })).body.attributes;
    assert.equal(task, null);
    assert.equal(typeof phase, 'string');
  });
});
