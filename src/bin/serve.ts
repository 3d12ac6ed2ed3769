// Wires the rooms into a running server, and takes it down again in order.

import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../domain/error.ts';
import type { TransferId } from '../domain/ids.ts';
import type { Engine } from '../engine/port.ts';
import { Authenticator, clockToleranceMs } from '../http/authenticate.ts';
import { httpLimits } from '../http/hygiene.ts';
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
}

export interface Service {
  app: FastifyInstance;
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
}: Rooms): Service {
  const settings = { ...defaultSettings, ...given };
  const transferPath = (id: TransferId) => join(dataDir, 'transfers', id);
  const journal = new NonceJournal(dataDir, 2 * clockToleranceMs, clock.now);
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
    logLevel,
    nudge: () => reconciler.nudge(),
    checkEngine: () => engine.check(),
  });
  const reconciler = new Reconciler({ store, engine, clock, settings, signer, transferPath, log: app.log });
  return {
    app,
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
  store: Store;
  masterKey: MasterKey;
  engine: Engine;
  close(): Promise<void>;
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
    const service = buildService({ ...config, store, engine, masterKey, signer });
    await service.app.listen({ host: config.host, port: config.port }).catch((error) => {
      if (error.code === 'EADDRINUSE')
        throw new AppError('unavailable', `Port ${config.port} is taken; give another one with --port.`);
      throw error;
    });
    service.reconciler.start();
    const { port } = service.app.server.address() as AddressInfo;
    const host = config.host.includes(':') ? `[${config.host}]` : config.host;
    return {
      url: `http://${host}:${port}`,
      store,
      masterKey,
      engine,
      async close() {
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
