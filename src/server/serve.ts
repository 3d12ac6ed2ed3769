// Wires the rooms into a running server, and closes them again in order.

import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { assertMasterKey } from '../app/operator/master-key.ts';
import { AppError, failedForNow } from '../domain/error.ts';
import type { Engine } from '../engine/port/engine.ts';
import { metricsServer } from '../http/metrics.ts';
import type { Clock } from '../lib/clock.ts';
import { exists } from '../lib/files.ts';
import { isLoopback } from '../lib/loopback.ts';
import type { MasterKey } from '../lib/master-key.ts';
import { newId } from '../lib/new-id.ts';
import type { Signer } from '../lib/signing-key.ts';
import { networkReason } from '../lib/system-error.ts';
import type { Tracer } from '../lib/trace.ts';
import { endLostWork } from '../reconcile/intake.ts';
import type { Reconciler } from '../reconcile/loop.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import { databaseName } from '../store/postgres/copy.ts';
import { holdServing } from '../store/postgres/serving.ts';
import { type Lock, waitToLockDataDir } from '../store/sqlite/lock.ts';
import { takeEngineLease } from './engine-lease.ts';
import { EngineWork, type Opened } from './engine-work.ts';
import { assertStoreIsThere, engineOf, ensureInstallation } from './installation.ts';
import { openEngine, openStore, prepareDataDir } from './open.ts';
import { type Config, isHostBound, withForwarding } from './options.ts';
import { joinInstallation, workedElsewhere } from './replica.ts';
import { secretsOf } from './secrets.ts';
import {
  type Api,
  buildApi,
  buildReconciler,
  checkEngine,
  checkStore,
  prepareEngine,
} from './service.ts';
import { openTracing } from './tracing.ts';

export interface Running {
  url: string;
  /** Where /metrics is answered; null: with the API, or nowhere. */
  metricsUrl: string | null;
  /** Where the operator's API is answered; null: with the API, to callers on this host. */
  operatorUrl: string | null;
  store: Store;
  masterKey: MasterKey;
  /** Where the data is, for people. */
  dataIn: string;
  engineName: string;
  readonly worksEngine: boolean;
  /** Both throw `unavailable` when another server works the engine. */
  readonly engine: Engine;
  readonly reconciler: Reconciler;
  close(): Promise<void>;
}

/** How long a start waits for a command that brings the store up to date. */
const commandMostMs = 1000;

interface Listener {
  app: FastifyInstance;
  host: string;
  port: number;
  /** The options that choose another port and another address. */
  flags: { port: string; host: string };
}

function cannotListen(
  error: NodeJS.ErrnoException,
  host: string,
  port: number,
  flags: Listener['flags'],
): string {
  if (error.code === 'EADDRINUSE')
    return `Port ${port} is taken; give another one with ${flags.port}.`;
  if (error.code === 'EACCES')
    return `Port ${port} is for root alone; give one from 1024 with ${flags.port}, and put a proxy in front.`;
  return `The server cannot listen on ${host}: ${networkReason(error)}; give an address of this host with ${flags.host}.`;
}

/**
 * Opens each listener in turn, and resolves to their URLs. Throws `unavailable` when one of them
 * cannot listen.
 */
async function listen(listeners: readonly Listener[]): Promise<string[]> {
  const urls: string[] = [];
  for (const { app, host, port, flags } of listeners) {
    await app.listen({ host, port }).catch((error) => {
      throw new AppError('unavailable', cannotListen(error, host, port, flags), { cause: error });
    });
    const bound = app.server.address() as AddressInfo;
    urls.push(`http://${host.includes(':') ? `[${host}]` : host}:${bound.port}`);
  }
  return urls;
}

/**
 * Starts a server. Throws `unavailable` when another one serves the directory, when the engine
 * lacks something, and when the port is taken.
 */
export async function serve(config: Config): Promise<Running> {
  await assertStoreIsThere(config);
  await prepareDataDir(config);
  // Take the lock before the store is opened, because opening may change the schema, which must not
  // happen below a server that runs.
  const lock = await waitToLockDataDir(config.dataDir, commandMostMs);
  try {
    return await serveLocked(config, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function serveLocked(config: Config, lock: Lock): Promise<Running> {
  // A wrong engine is refused before the store is opened, which may change its schema.
  await engineOf(config);
  const serving = config.databaseUrl === null ? null : await holdServing(config.databaseUrl);
  const opened = await openStore(config, { check: true, locked: true }).catch(async (error) => {
    await serving?.release();
    throw error;
  });
  const { store, masterKey } = opened;
  let work: EngineWork | null = null;
  try {
    await store.read('system', (reader) => assertMasterKey(reader, masterKey));
    const part =
      config.databaseUrl === null ? await alone(config, store) : await joined(config, opened);
    const ours = new EngineWork({ dataDir: config.dataDir, ...part });
    work = ours;
    await ours.open();
    const tracing = await openTracing(config.trace, () => api.app.log);
    const beside = { transfers: part.transfers, work: ours, tracer: tracing.tracer };
    const { api, start } = apiOf(withForwarding(config, part.engineName), opened, beside);
    const { url, metricsUrl, operatorUrl, shut } = await listenAll(config, api);
    start();
    return {
      url,
      metricsUrl,
      operatorUrl,
      store,
      masterKey,
      dataIn:
        config.databaseUrl === null
          ? config.dataDir
          : `${config.dataDir} and in ${databaseName(config.databaseUrl)}`,
      engineName: part.engineName,
      get worksEngine() {
        return ours.engine !== null;
      },
      get engine() {
        if (ours.engine === null) throw workedElsewhere(config.dataDir);
        return ours.engine;
      },
      get reconciler() {
        return ours.reconciler;
      },
      async close() {
        await shut();
        await api.close(() => ours.close());
        await tracing.close();
        await store.close();
        await serving?.release();
        lock.release();
      },
    };
  } catch (error) {
    await work?.close();
    await store.close();
    await serving?.release();
    throw error;
  }
}

interface Part {
  engineName: string;
  transfers: string | null;
  mayWork: boolean;
  open(): Promise<Opened | null>;
}

/** The part of a server that owns its store. */
async function alone(config: Config, store: Store): Promise<Part> {
  const engineName = await engineOf(config);
  await store.write('system', endLostWork);
  return {
    engineName,
    transfers: null,
    mayWork: false,
    async open() {
      const newInstallation = newId();
      const engine = await openEngine(config, newInstallation);
      await ensureInstallation(config.dataDir, engineName, newInstallation);
      await prepareEngine(store, engine, config.settings);
      return { engine, lease: null };
    },
  };
}

/** The part of a server that shares its store with others. */
async function joined(
  config: Config,
  opened: { store: Store; masterKey: MasterKey; signer: Signer },
): Promise<Part> {
  const joining = await joinInstallation(config, opened);
  const { engine: engineName, installation, worksEngine, transfers } = joining;
  const isBound = isHostBound(engineName);
  return {
    engineName,
    transfers,
    mayWork: worksEngine && isBound,
    async open() {
      if (!worksEngine) return null;
      const lease = isBound ? await takeEngineLease(opened.store, config.dataDir) : null;
      if (isBound && lease === null) return null;
      try {
        const engine = await openEngine({ ...config, engine: engineName }, installation);
        await prepareEngine(opened.store, engine, config.settings);
        return { engine, lease };
      } catch (error) {
        await lease?.release();
        throw error;
      }
    },
  };
}

/** The HTTP server, and a function that begins the work beside it. */
function apiOf(
  config: Config,
  opened: { store: Store; clock: Clock; masterKey: MasterKey; signer: Signer },
  { transfers, work, tracer }: { transfers: string | null; work: EngineWork; tracer: Tracer },
): { api: Api; start(): void } {
  const { store } = opened;
  // A public address means that a proxy stands in front, which would pass /metrics on to anyone.
  const showMetrics =
    config.metrics === null && config.publicUrl === null && isLoopback(config.host);
  const secrets = secretsOf(config);
  const dependencies = {
    ...{ ...config, ...opened, showMetrics, secrets, tracer },
    showOperator: config.operatorApi === null,
    ...(transfers && { transfers }),
  };
  const api = buildApi(dependencies, {
    nudge() {
      work.nudge();
      store.nudgeOthers();
    },
    async check() {
      await checkStore(store);
      if (transfers !== null && !(await exists(transfers)))
        throw failedForNow(`The folder of transfers ${transfers} is gone; mount it again.`);
      if (work.engine !== null) await checkEngine(store, work.engine, config.settings);
    },
    engine() {
      if (work.engine === null) throw workedElsewhere(config.dataDir);
      return work.engine;
    },
    engineHere: () => work.engine,
  });
  return {
    api,
    start() {
      work.start((engine) => buildReconciler({ ...dependencies, engine }, api), api.app.log);
      store.onNudge(() => work.nudge());
    },
  };
}

/** Listens at all addresses. When one of them fails, closes all and throws `unavailable`. */
async function listenAll(config: Config, service: Api) {
  const listeners: Listener[] = [
    {
      app: service.app,
      host: config.host,
      port: config.port,
      flags: { port: '--port', host: '--host' },
    },
  ];
  if (config.metrics) {
    const flags = { port: '--metrics', host: '--metrics' };
    listeners.push({ app: metricsServer(service.metrics), ...config.metrics, flags });
  }
  if (config.operatorApi) {
    const flags = { port: '--operator-api', host: '--operator-api' };
    listeners.push({ app: service.operatorServer(), ...config.operatorApi, flags });
  }
  const shut = () => Promise.all(listeners.slice(1).map(({ app }) => app.close()));
  try {
    const [url = '', ...others] = await listen(listeners);
    const metricsUrl = (config.metrics && others.shift()) ?? null;
    const operatorUrl = others[0] ?? null;
    return { url, metricsUrl, operatorUrl, shut };
  } catch (error) {
    await shut();
    await service.close();
    throw error;
  }
}
