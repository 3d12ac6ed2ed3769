// Wires the rooms into a running server, and closes them again in order.

import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { Application } from '../app/application.ts';
import { assertMasterKey } from '../app/operator/master-key.ts';
import { localBlobs } from '../blobs/local/blobs.ts';
import { AppError } from '../domain/error.ts';
import { withoutJob } from '../engine/port/call.ts';
import type { Engine } from '../engine/port/engine.ts';
import { Authenticator, clockToleranceMs } from '../http/authenticate.ts';
import { httpLimits } from '../http/hygiene.ts';
import { Metrics, metricsServer } from '../http/metrics.ts';
import { buildServer } from '../http/server.ts';
import { SignatureJournal } from '../http/signature-journal.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { MasterKey } from '../lib/master-key.ts';
import { newId } from '../lib/new-id.ts';
import type { Signer } from '../lib/signing-key.ts';
import { networkReason } from '../lib/system-error.ts';
import { defaultSettings, type Settings } from '../reconcile/context.ts';
import { Reconciler } from '../reconcile/loop.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import { type Lock, waitToLockDataDir } from '../store/sqlite/lock.ts';
import { assertStoreIsThere, engineOf, ensureInstallation } from './installation.ts';
import { openEngine, openStore, prepareDataDir } from './open.ts';
import type { Config } from './options.ts';

export interface Dependencies {
  dataDir: string;
  store: Store;
  engine: Engine;
  masterKey: MasterKey;
  signer: Signer;
  clock?: Clock;
  settings?: Partial<Settings>;
  logLevel?: string;
  publicUrl?: string | null;
  requestsPerSecond?: number;
  /** Whether /metrics is answered at the address of the API. */
  showMetrics?: boolean;
}

export interface Service {
  app: FastifyInstance;
  metrics: Metrics;
  reconciler: Reconciler;
  close(): Promise<void>;
}

/**
 * Builds the HTTP server and the reconciler on a store and an engine that are open. They stay open
 * when the service closes.
 */
export function buildService({
  dataDir,
  store,
  engine,
  masterKey,
  signer,
  clock = systemClock,
  settings: given,
  logLevel = 'info',
  publicUrl = null,
  requestsPerSecond = 0,
  showMetrics = true,
}: Dependencies): Service {
  const settings = { ...defaultSettings, ...given };
  const blobs = localBlobs(join(dataDir, 'transfers'));
  const application = new Application({
    store,
    masterKey,
    signer,
    now: clock.now,
    keepDiskMs: settings.keepDiskMs,
    blobs,
  });
  const metrics = new Metrics({ counts: () => application.counts(), clock });
  const journal = new SignatureJournal(dataDir, 2 * clockToleranceMs, clock, (error) => {
    metrics.journalFailed();
    app.log.error({ err: error }, 'the signature of a read could not be written down');
  });
  const authenticator = new Authenticator({
    callers: application.callers,
    clock,
    journal,
    requestsPerSecond,
  });
  const app = buildServer({
    application,
    clock,
    authenticator,
    publicUrl,
    metrics,
    showMetrics,
    logLevel,
    nudge: () => reconciler.nudge(),
    async check() {
      await store.check();
      const capacity = await engine.check(withoutJob());
      await store.write('system', (work) => work.host.setCapacity(capacity));
    },
  });
  const reconciler = new Reconciler({
    store,
    engine,
    clock,
    settings,
    signer,
    blobs,
    log: app.log,
    meter: metrics,
  });
  return {
    app,
    metrics,
    reconciler,
    async close() {
      const late = setTimeout(() => app.server.closeAllConnections(), httpLimits.drainMs);
      await app.close();
      clearTimeout(late);
      await reconciler.stop();
      journal.close();
    },
  };
}

export interface Running {
  url: string;
  /** Where /metrics is answered; null: with the API, or nowhere. */
  metricsUrl: string | null;
  store: Store;
  masterKey: MasterKey;
  engine: Engine;
  reconciler: Reconciler;
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
  await assertStoreIsThere(config.dataDir);
  await prepareDataDir(config.dataDir);
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
  const engineName = await engineOf(config);
  const { store, masterKey, signer } = await openStore(config, { check: true, locked: true });
  try {
    await store.read('system', (work) => assertMasterKey(work, masterKey));
    // This server owns the data directory, so no other server can still hold a lease.
    await store.write('system', (work) => work.jobs.endLeases());
    const newInstallation = newId();
    const engine = await openEngine(config, newInstallation);
    await ensureInstallation(config.dataDir, engineName, newInstallation);
    await engine.hostBound?.tidy(withoutJob());
    // A public address means that a proxy stands in front, which would pass /metrics on to anyone.
    const showMetrics =
      config.metrics === null && config.publicUrl === null && isLoopback(config.host);
    const service = buildService({ ...config, store, engine, masterKey, signer, showMetrics });
    const listeners = [
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
    const [url = '', metricsUrl = null] = await listen(listeners).catch(async (error) => {
      await shut();
      await service.close();
      throw error;
    });
    service.reconciler.start();
    return {
      url,
      metricsUrl,
      store,
      masterKey,
      engine,
      reconciler: service.reconciler,
      async close() {
        await shut();
        await service.close();
        await engine.close();
        await store.close();
        lock.release();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
