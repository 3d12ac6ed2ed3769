// The whole stack in process: a real store, the simulator, the reconciler, and signed requests that
// are put into the server without a socket.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { baseAdd } from '../../src/app/operator/base.ts';
import { keyCreate } from '../../src/app/operator/key.ts';
import { softwareAdd } from '../../src/app/operator/software.ts';
import type { OrganisationId } from '../../src/domain/ids.ts';
import { type Permission, permissions } from '../../src/domain/key.ts';
import { machinePermissionDefaults } from '../../src/domain/machine.ts';
import type { Engine } from '../../src/engine/port/engine.ts';
import { openSimulator } from '../../src/engine/simulator/engine.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { masterKeyFile } from '../../src/lib/master-key.ts';
import { signingKeyFile } from '../../src/lib/signing-key.ts';
import type { Tracer } from '../../src/lib/trace.ts';
import type { Settings } from '../../src/reconcile/context.ts';
import { buildService } from '../../src/server/service.ts';
import type { Store } from '../../src/store/port/unit-of-work.ts';
import { operatorOn } from '../operator.ts';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';
import { type Key, requestsTo } from './requests.ts';
import { openStore } from './store.ts';

interface HarnessOptions {
  /** Whether the reconciler runs by itself. Default: true. */
  reconcile?: boolean;
  settings?: Partial<Settings>;
  speed?: number;
  requestsPerSecond?: number;
  corsOrigins?: readonly string[];
  clock?: Clock;
  /** Takes each line of the log, of every level. Default: no log. */
  writeLog?: (line: string) => void;
  /** Secrets of the server that no line of the log may have. */
  secrets?: readonly string[];
  /** Default: nothing is traced. */
  tracer?: Tracer;
  /** Stands between the service and the simulator. */
  wrapEngine?: (engine: Engine) => Engine;
  onQuery?: (sql: string) => void;
  /** Stands between the service and the store. */
  wrapStore?: (store: Store) => Store;
  /** Opens an empty store. Default: SQLite in the data directory. */
  openStore?: () => Promise<Store>;
  /** A folder that exists and is empty. Default: a temporary one. */
  dataDir?: string;
}

/** A machine type that a test adds when it needs a second one. */
export const large = { name: 'Large', code: 'large', cpus: 4, memoryMb: 4096, diskSizeGb: 40 };

export type Harness = Awaited<ReturnType<typeof startHarness>>;

/**
 * Starts the stack with two organisations, of which `ours` has two machines, one machine type, a
 * base, and software of which two titles cannot be installed.
 */
export async function startHarness(t: Scope, options: HarnessOptions = {}) {
  const opened = await open(t, options);
  const { store, engine, service, masterKey, clock, dataDir } = opened;
  const catalogue = await furnish(store, engine, dataDir);
  const organisation = (name: string) =>
    store.write('system', (work) => work.organisations.ensure(name));
  const [ours, theirs] = [await organisation('ours'), await organisation('theirs')];
  const makeKey = (
    organisationId: OrganisationId,
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
  const { machineType } = catalogue;
  const addMachine = (
    organisationId: OrganisationId,
    name: string | null = null,
    diskSizeGb: number = machineType.diskSizeGb,
  ) =>
    store.write(organisationId, (work) =>
      work.machines.add(
        {
          organisationId,
          machineTypeId: machineType.id,
          machineType: machineType.code,
          cpus: machineType.cpus,
          memoryMb: machineType.memoryMb,
          diskSizeGb,
          region: null,
          permissions: machinePermissionDefaults,
          assignedImageId: null,
        },
        name,
      ),
    );
  const machines = [await addMachine(ours), await addMachine(ours)].map((machine) => machine.id);
  const requests = requestsTo(service.app, clock, keys.ours);
  const { call } = requests;
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
  const owned = { ours, theirs, keys, makeKey, machines, addMachine };
  return { ...opened, ...catalogue, ...owned, ...requests, imageSettled, machineIs };
}

/** Opens each room, and closes it after the test. */
async function open(t: Scope, options: HarnessOptions) {
  const dataDir = options.dataDir ?? (await temporaryFolder(t));
  const { clock = systemClock } = options;
  const usual = () =>
    openStore(t, {
      dataDir,
      now: clock.now,
      ...(options.onQuery && { onQuery: options.onQuery }),
    });
  const store = await (options.openStore ?? usual)();
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
    ...(options.writeLog
      ? { logLevel: 'trace', writeLog: options.writeLog, secrets: options.secrets ?? [] }
      : { logLevel: 'silent' }),
    ...(options.tracer && { tracer: options.tracer }),
    corsOrigins: options.corsOrigins ?? [],
    ...(options.requestsPerSecond !== undefined && {
      requestsPerSecond: options.requestsPerSecond,
    }),
    settings: {
      ...{ pollMs: 5, lookAgainMs: 0, collectDelayMs: 0 },
      // Templates are made in the background; tests that are about them ask for them.
      templatePolicy: 'never',
      ...options.settings,
    },
  });
  await service.app.ready();
  if (options.reconcile !== false) service.reconciler.start();
  defer(t, async () => {
    await service.close();
    await engine.close();
    await store.close();
  });
  return { dataDir, store, engine, service, masterKey, signer, clock };
}

/** Adds the operator's things: a base, software, and a machine type. */
async function furnish(
  store: Store,
  engine: Awaited<ReturnType<typeof openSimulator>>,
  dataDir: string,
) {
  const disk = join(dataDir, 'base.raw');
  await writeFile(disk, 'a simulated disk');
  const base = await baseAdd(operatorOn(store), engine, {
    name: 'Base',
    files: { disk },
    boot: { mode: 'bios' },
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
  const editor = await title('Editor', 1.4);
  const browser = await title('Browser', 2);
  const broken = await title('Broken sim-fail-build', 0.5);
  const filling = await title('Filling sim-disk-full', 0.1);
  const viewer = await title('Viewer', 0.2);
  const small = { name: 'Small', code: 'small', cpus: 1, memoryMb: 512, diskSizeGb: 20 };
  const { id } = await store.write('system', (work) => work.machineTypes.add(small));
  const machineType = { id, ...small };
  return { base, editor, browser, broken, filling, viewer, machineType };
}
