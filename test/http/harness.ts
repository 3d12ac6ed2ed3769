// The whole stack in process: real store, the simulator, the reconciler, and signed requests put
// into the server without a socket.

import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { baseAdd } from '../../src/app/operator/base.ts';
import { keyCreate } from '../../src/app/operator/key.ts';
import { softwareAdd } from '../../src/app/operator/software.ts';
import { pathPrefix } from '../../src/contract/envelope.ts';
import { wireErrors } from '../../src/contract/errors.ts';
import type { OperationSpec } from '../../src/contract/operation.ts';
import { type OperationName, operations, refusalsOf } from '../../src/contract/table.ts';
import { type Permission, permissions } from '../../src/domain/key.ts';
import { machinePermissionDefaults } from '../../src/domain/machine.ts';
import type { Engine } from '../../src/engine/port.ts';
import { openSimulator } from '../../src/engine/simulator/engine.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { masterKeyFile } from '../../src/lib/master-key.ts';
import { signingKeyFile } from '../../src/lib/signing-key.ts';
import type { Settings } from '../../src/reconcile/context.ts';
import { buildService } from '../../src/server/serve.ts';
import type { Store } from '../../src/store/port/unit-of-work.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { operatorOn } from '../operator.ts';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';

export interface Key {
  key: string;
  secret: string;
}

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  body: any;
  headers: Record<string, unknown>;
}

export interface RawRequest {
  method: string;
  path: string;
  query?: string;
  body?: string;
  headers?: Record<string, string>;
  nonce?: string;
  timestamp?: number;
  /** What is signed instead of the path. */
  signedPath?: string;
  signature?: string;
  /** Whether the caller asks for our fields. Default: it does, as our client does. */
  extensions?: boolean;
}

const ajv = new Ajv({ strict: false });
ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/);
const committed = JSON.parse(
  readFileSync(new URL('../../api/openapi.json', import.meta.url), 'utf8'),
);
ajv.addSchema(committed, 'openapi');
const escaped = (part: string) => part.replaceAll('~', '~0').replaceAll('/', '~1');
const patterns = (Object.entries(operations) as [OperationName, OperationSpec][]).map(
  ([name, { method, path }]) => ({
    name,
    method,
    // What is written out goes before what is a parameter, as in the router.
    rank: path.split('{').length,
    pattern: new RegExp(`^${pathPrefix}${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  }),
);
patterns.sort((a, b) => a.rank - b.rank);

/**
 * Fails unless an answer is what the committed OpenAPI document says of the operation, with a
 * client_code that is documented for it.
 */
export function assertDocumented(name: OperationName, status: number, body: unknown): void {
  const operation = operations[name] as OperationSpec;
  const place = [
    'paths',
    operation.path,
    operation.method.toLowerCase(),
    'responses',
    String(status),
  ];
  const pointer = [...place, 'content', 'application/json', 'schema'].map(escaped).join('/');
  assert.ok(
    place.reduce((at, key) => at?.[key], committed),
    `${name} answered ${status}, which is not documented for it`,
  );
  const validate = ajv.getSchema(`openapi#/${pointer}`);
  assert.ok(validate);
  assert.ok(
    validate(body),
    `${name} answered ${JSON.stringify(body).slice(0, 300)}: ${ajv.errorsText(validate.errors)}`,
  );
  if (status === 200) return;
  const { client_code: code } = body as { client_code: number };
  const documented: number[] = refusalsOf(operation).map((error) => wireErrors[error].clientCode);
  assert.ok(documented.includes(code), `${name} answered ${code}, which is not documented for it`);
}

export type Harness = Awaited<ReturnType<typeof startHarness>>;

/**
 * Two organisations, `ours` with two machines and one machine type, a base and two titles, one of
 * which fails.
 */
export async function startHarness(
  t: Scope,
  options: {
    reconcile?: boolean;
    settings?: Partial<Settings>;
    speed?: number;
    requestsPerSecond?: number;
    clock?: Clock;
    /** Stands between the service and the simulator. */
    wrapEngine?: (engine: Engine) => Engine;
    onQuery?: (sql: string) => void;
    wrapStore?: (store: Store) => Store;
    /** A folder that is there and empty; without it a temporary one. */
    dataDir?: string;
  } = {},
) {
  const dataDir = options.dataDir ?? (await temporaryFolder(t));
  const { clock = systemClock } = options;
  const store = await openSqlite({
    dataDir,
    now: clock.now,
    ...(options.onQuery && { onQuery: options.onQuery }),
  });
  const masterKey = await masterKeyFile(join(dataDir, 'master.key'));
  await mkdir(join(dataDir, 'transfers'));
  const signer = await signingKeyFile(join(dataDir, 'signing.key'), join(dataDir, 'trusted.keys'));
  const engine = await openSimulator({ root: dataDir, clock, speed: options.speed ?? 0 });
  const service = buildService({
    dataDir,
    store: options.wrapStore?.(store) ?? store,
    engine: options.wrapEngine?.(engine) ?? engine,
    masterKey,
    signer,
    clock,
    logLevel: 'silent',
    ...(options.requestsPerSecond !== undefined && {
      requestsPerSecond: options.requestsPerSecond,
    }),
    settings: { pollMs: 5, lookAgainMs: 0, collectDelayMs: 0, ...options.settings },
  });
  await service.app.ready();
  if (options.reconcile !== false) service.reconciler.start();
  defer(t, async () => {
    await service.close();
    await engine.close();
    await store.close();
  });

  const disk = join(dataDir, 'base.raw');
  await writeFile(disk, 'a simulated disk');
  const base = await baseAdd(operatorOn(store), engine, {
    name: 'Base',
    files: { disk },
    boot: { mode: 'firmware' },
  });
  const title = (name: string, sizeGb: number) =>
    softwareAdd(operatorOn(store), engine, {
      name,
      sizeGb,
      script: `install ${name}`,
      files: [],
      network: false,
      timeoutMs: 1000,
    });
  const [editor, browser, broken, filling, viewer] = [
    await title('Editor', 1.4),
    await title('Browser', 2),
    await title('Broken sim-fail-build', 0.5),
    await title('Filling sim-disk-full', 0.1),
    await title('Viewer', 0.2),
  ];

  const organisation = (name: string) =>
    store.write('system', (work) => work.organisations.ensure(name));
  const [ours, theirs] = [await organisation('ours'), await organisation('theirs')];
  const makeKey = (
    organisationId: typeof ours,
    allowed: readonly Permission[] = permissions,
  ): Promise<Key> =>
    keyCreate(operatorOn(store), masterKey, {
      organisation: organisationId,
      name: 'test',
      permissions: allowed,
    });
  const keys = {
    ours: await makeKey(ours),
    theirs: await makeKey(theirs),
    powerless: await makeKey(ours, []),
  };
  const machineType = await store.write('system', (work) =>
    work.machineTypes.add({ name: 'Small', code: 'small', cpus: 1, memoryMb: 512, diskSizeGb: 20 }),
  );
  const addMachine = (organisationId: typeof ours, name: string | null = null, diskSizeGb = 20) =>
    store.write(organisationId, (work) =>
      work.machines.add(
        {
          organisationId,
          machineTypeId: machineType.id,
          machineType: 'small',
          cpus: 1,
          memoryMb: 512,
          diskSizeGb,
          region: null,
          permissions: machinePermissionDefaults,
          assignedImageId: null,
        },
        name,
      ),
    );
  const machines = [await addMachine(ours), await addMachine(ours)].map((machine) => machine.id);

  const sendRaw = async (request: RawRequest, as: Key = keys.ours, app = service.app) => {
    const { method, path, query = '', body = '', nonce = randomUUID() } = request;
    const timestamp = String(request.timestamp ?? clock.now());
    const text = `${as.key}${method}${request.signedPath ?? path}${timestamp}${nonce}${body}`;
    const signature =
      request.signature ?? createHmac('sha256', as.secret).update(text).digest('hex');
    return app.inject({
      method: method as 'GET',
      url: path + query,
      headers: {
        authorization: `HMAC ${as.key}:${signature}:${nonce}:${timestamp}`,
        ...(request.extensions !== false && { 'silversmith-extensions': '1' }),
        ...(body !== '' && { 'content-type': 'application/json' }),
        ...request.headers,
      },
      ...(body !== '' && { payload: body }),
    });
  };
  const send = async (
    request: RawRequest,
    as: Key = keys.ours,
    app = service.app,
  ): Promise<Answer> => {
    const response = await sendRaw(request, as, app);
    const { method, path } = request;
    const answer = {
      status: response.statusCode,
      body: response.json(),
      headers: response.headers,
    };
    const operation = patterns.find((one) => one.method === method && one.pattern.test(path));
    if (operation) assertDocumented(operation.name, answer.status, answer.body);
    return answer;
  };
  const check = async (name: OperationName, answer: Promise<Answer>): Promise<Answer> => {
    const { status, body } = await answer;
    assertDocumented(name, status, body);
    return answer;
  };
  /** Calls an operation with the fields of its path; `body` and `query` as they are. */
  const call = (
    name: OperationName,
    input: { params?: Record<string, unknown>; query?: string; body?: unknown } = {},
    as?: Key,
  ): Promise<Answer> => {
    const { method, path } = operations[name] as OperationSpec;
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, field: string) =>
      encodeURIComponent(String(input.params?.[field])),
    );
    const request = {
      method,
      path: pathPrefix + filled,
      ...(input.query && { query: input.query }),
      ...(input.body !== undefined && { body: JSON.stringify(input.body) }),
    };
    return check(name, send(request, as));
  };
  const imageSettled = (id: number) =>
    waitFor(`image ${id} is at rest`, async () => {
      const { body } = await call('imageGet', { params: { id } });
      return ['available', 'failed'].includes(body.attributes.status) && body.attributes;
    });
  const machineIs = (id: number, status: string) =>
    waitFor(`machine ${id} is ${status}`, async () => {
      const { body } = await call('machineGet', { params: { id } });
      return body.attributes.friendly_status === status && body.attributes;
    });

  return {
    dataDir,
    store,
    engine,
    service,
    masterKey,
    base,
    editor,
    browser,
    broken,
    filling,
    viewer,
    ours,
    theirs,
    keys,
    makeKey,
    machineType,
    machines,
    addMachine,
    send,
    sendRaw,
    signer,
    call,
    clock,
    imageSettled,
    machineIs,
  };
}
