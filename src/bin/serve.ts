// Wires the rooms into a running server, and takes it down again in order.

import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../domain/error.ts';
import type { TransferId } from '../domain/ids.ts';
import type { Engine } from '../engine/port.ts';
import { Authenticator, clockToleranceMs } from '../http/authenticate.ts';
import { httpLimits } from '../http/hygiene.ts';
import { Metrics, metricsServer } from '../http/metrics.ts';
import { NonceJournal } from '../http/nonce-journal.ts';
import { buildServer } from '../http/server.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { MasterKey } from '../lib/master-key.ts';
import type { Signer } from '../lib/signing-key.ts';
import { Reconciler } from '../reconcile/loop.ts';
import { defaultSettings, type Settings } from '../reconcile/workflow.ts';
import type { Store } from '../store/port.ts';
import { lockDataDir } from '../store/sqlite/lock.ts';
import type { Config } from './config.ts';
import { openEngine, openStore } from './open.ts';

export interface Rooms {
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
  /** Whether the API's address answers /metrics. */
  showMetrics?: boolean;
}

export interface Service {
  app: FastifyInstance;
  metrics: Metrics;
  reconciler: Reconciler;
  close(): Promise<void>;
}

/** The server and the reconciler over rooms that are open. The rooms stay open when it closes. */
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
}: Rooms): Service {
  const settings = { ...defaultSettings, ...given };
  const transferPath = (id: TransferId) => join(dataDir, 'transfers', id);
  const metrics = new Metrics({ store, clock });
  const journal = new NonceJournal(dataDir, 2 * clockToleranceMs, clock, (error) => {
    metrics.journalFailed();
    app.log.error({ err: error }, 'the nonce of a read could not be written down');
  });
  const authenticator = new Authenticator({ store, masterKey, clock, journal });
  const app = buildServer({
    store,
    clock,
    authenticator,
    masterKey,
    signer,
    transferPath,
    keepDiskMs: settings.keepDiskMs,
    publicUrl,
    requestsPerSecond,
    metrics,
    showMetrics,
    logLevel,
    nudge: () => reconciler.nudge(),
    async check() {
      await engine.check();
      const capacity = await engine.capacity();
      await store.write('system', (work) => work.host.seen(capacity));
    },
  });
  const reconciler = new Reconciler({
    store,
    engine,
    clock,
    settings,
    signer,
    transferPath,
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
  /** Where /metrics is answered when not with the API. */
  metricsUrl: string | null;
  store: Store;
  masterKey: MasterKey;
  engine: Engine;
  reconciler: Reconciler;
  close(): Promise<void>;
}

const isLoopback = (host: string) => host === 'localhost' || host === '::1' || /^127\./.test(host);

interface Door {
  app: FastifyInstance;
  host: string;
  port: number;
  /** With which another port is chosen. */
  flag: string;
}

/** Opens each in turn, and resolves to their addresses. Throws `unavailable` when a port is taken. */
async function listen(doors: readonly Door[]): Promise<string[]> {
  const urls: string[] = [];
  for (const { app, host, port, flag } of doors) {
    await app.listen({ host, port }).catch((error) => {
      if (error.code === 'EADDRINUSE')
        throw new AppError('unavailable', `Port ${port} is taken; give another one with ${flag}.`);
      throw error;
    });
    const bound = app.server.address() as AddressInfo;
    urls.push(`http://${host.includes(':') ? `[${host}]` : host}:${bound.port}`);
  }
  return urls;
}

/** Starts serving. Throws `unavailable` when the directory is served already, the engine lacks something or the port is taken. */
export async function serve(config: Config): Promise<Running> {
  const { store, masterKey, signer } = await openStore(config, { check: true });
  const lock = lockDataDir(config.dataDir);
  try {
    // This server alone owns the directory: whoever held a lease is dead.
    await store.write('system', (work) => work.operations.releaseAll());
    const engine = await openEngine(config);
    await engine.tidy();
    const showMetrics = config.metrics === null && isLoopback(config.host);
    const service = buildService({ ...config, store, engine, masterKey, signer, showMetrics });
    const doors = [{ app: service.app, host: config.host, port: config.port, flag: '--port' }];
    if (config.metrics) doors.push({ app: metricsServer(service.metrics), ...config.metrics, flag: '--metrics' });
    const shut = () => Promise.all(doors.slice(1).map(({ app }) => app.close()));
    const [url = '', metricsUrl = null] = await listen(doors).catch(async (error) => {
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
    lock.release();
    throw error;
  }
}
