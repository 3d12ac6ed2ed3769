// Wires the rooms into a running server, and closes them again in order.

import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { assertMasterKey } from '../app/operator/master-key.ts';
import { AppError } from '../domain/error.ts';
import { withoutJob } from '../engine/port/call.ts';
import type { Engine } from '../engine/port/engine.ts';
import { metricsServer } from '../http/metrics.ts';
import type { Clock } from '../lib/clock.ts';
import type { MasterKey } from '../lib/master-key.ts';
import { newId } from '../lib/new-id.ts';
import type { Signer } from '../lib/signing-key.ts';
import { networkReason } from '../lib/system-error.ts';
import type { Reconciler } from '../reconcile/loop.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import { databaseName } from '../store/postgres/copy.ts';
import { holdServing } from '../store/postgres/serving.ts';
import { type Lock, waitToLockDataDir } from '../store/sqlite/lock.ts';
import { type EngineLease, takeEngineLease } from './engine-lease.ts';
import { assertStoreIsThere, engineOf, ensureInstallation } from './installation.ts';
import { openEngine, openStore, prepareDataDir } from './open.ts';
import { type Config, isHostBound } from './options.ts';
import { joinInstallation, workedElsewhere } from './replica.ts';
import { type Api, buildApi, buildService } from './service.ts';

export interface Running {
  url: string;
  /** Where /metrics is answered; null: with the API, or nowhere. */
  metricsUrl: string | null;
  store: Store;
  masterKey: MasterKey;
  /** Where the data is, for people. */
  dataIn: string;
  engineName: string;
  worksEngine: boolean;
  /** Both throw `unavailable` when another server works the engine. */
  readonly engine: Engine;
  readonly reconciler: Reconciler;
  close(): Promise<void>;
}

/** How long a start waits for a command that brings the store up to date. */
const commandMostMs = 1000;

const isLoopback = (host: string) => host === 'localhost' || host === '::1' || /^127\./.test(host);

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
  let engine: Engine | null = null;
  let lease: EngineLease | null = null;
  try {
    await store.read('system', (work) => assertMasterKey(work, masterKey));
    const part =
      config.databaseUrl === null ? await alone(config, store) : await joined(config, opened);
    engine = await part.openEngine();
    lease = part.lease();
    const service = serviceOf(config, opened, { ...part, engine });
    const { url, metricsUrl, shut } = await listenAll(config, service);
    const [ending, held] = [engine, lease];
    service.reconciler?.start();
    held?.onLost(() => {
      service.app.log.error({}, 'another server has taken over the engine; this one ends its work');
      void service.reconciler?.stop();
    });
    return {
      url,
      metricsUrl,
      store,
      masterKey,
      dataIn:
        config.databaseUrl === null
          ? config.dataDir
          : `${config.dataDir} and in ${databaseName(config.databaseUrl)}`,
      engineName: part.engineName,
      worksEngine: ending !== null,
      get engine() {
        return workedHere(config, ending);
      },
      get reconciler() {
        return workedHere(config, service.reconciler);
      },
      async close() {
        await shut();
        await service.close();
        await ending?.close();
        await held?.release();
        await store.close();
        await serving?.release();
        lock.release();
      },
    };
  } catch (error) {
    await engine?.close();
    await lease?.release();
    await store.close();
    await serving?.release();
    throw error;
  }
}

function workedHere<Value>({ dataDir }: Config, value: Value | null): Value {
  if (value === null) throw workedElsewhere(dataDir);
  return value;
}

interface Part {
  engineName: string;
  transfers?: string;
  /** Null when another server works the engine. */
  openEngine(): Promise<Engine | null>;
  /** Of a host-bound engine that this server works, beside other servers. */
  lease(): EngineLease | null;
}

/** The part of a server that owns its store. */
async function alone(config: Config, store: Store): Promise<Part> {
  const engineName = await engineOf(config);
  // This server owns the data directory, so no other server can still hold a lease.
  await store.write('system', (work) => work.jobs.endLeases());
  return {
    engineName,
    async openEngine() {
      const newInstallation = newId();
      const engine = await openEngine(config, newInstallation);
      await ensureInstallation(config.dataDir, engineName, newInstallation);
      await engine.hostBound?.tidy(withoutJob());
      return engine;
    },
    lease: () => null,
  };
}

/** The part of a server that shares its store with others. */
async function joined(
  config: Config,
  opened: { store: Store; masterKey: MasterKey; signer: Signer },
): Promise<Part> {
  const {
    engine: engineName,
    installation,
    worksEngine,
    transfers,
  } = await joinInstallation(config, opened);
  let lease: EngineLease | null = null;
  return {
    engineName,
    transfers,
    async openEngine() {
      if (!worksEngine) return null;
      if (isHostBound(engineName)) {
        lease = await takeEngineLease(opened.store, config.dataDir);
        if (lease === null) return null;
      }
      const engine = await openEngine({ ...config, engine: engineName }, installation);
      await engine.hostBound?.tidy(withoutJob());
      return engine;
    },
    lease: () => lease,
  };
}

/** The service; without an engine, it answers requests only. */
function serviceOf(
  config: Config,
  opened: { store: Store; clock: Clock; masterKey: MasterKey; signer: Signer },
  { engine, transfers }: { engine: Engine | null; transfers?: string },
): Api & { reconciler: Reconciler | null } {
  // A public address means that a proxy stands in front, which would pass /metrics on to anyone.
  const showMetrics =
    config.metrics === null && config.publicUrl === null && isLoopback(config.host);
  const dependencies = { ...config, ...opened, ...(transfers && { transfers }), showMetrics };
  if (engine !== null) {
    const service = buildService({ ...dependencies, engine });
    opened.store.onNudge(() => service.reconciler.nudge());
    return service;
  }
  const { store } = opened;
  const api = buildApi(dependencies, {
    nudge: () => store.nudgeOthers(),
    check: () => store.check(),
  });
  return { ...api, close: () => api.close(), reconciler: null };
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
  const shut = () => Promise.all(listeners.slice(1).map(({ app }) => app.close()));
  try {
    const [url = '', metricsUrl = null] = await listen(listeners);
    return { url, metricsUrl, shut };
  } catch (error) {
    await shut();
    await service.close();
    throw error;
  }
}
