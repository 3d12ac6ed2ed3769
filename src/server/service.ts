// Builds a service on a store and an engine that are open: the HTTP server and the reconciler.

import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { Application } from '../app/application.ts';
import { Errands } from '../app/operator/errand.ts';
import { localBlobs } from '../blobs/local/blobs.ts';
import { failedForNow } from '../domain/error.ts';
import { defaultForwarding, type Forwarding } from '../domain/machine-network.ts';
import { requirePart, saysLacking } from '../engine/optional/parts.ts';
import { withoutJob } from '../engine/port/call.ts';
import type { Engine } from '../engine/port/engine.ts';
import { Authenticator, clockToleranceMs } from '../http/authenticate.ts';
import { presentEvent } from '../http/event-frame.ts';
import { httpLimits } from '../http/hygiene.ts';
import { Metrics } from '../http/metrics.ts';
import { buildOperatorServer, buildServer } from '../http/server.ts';
import { SignatureJournal } from '../http/signature-journal.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { MasterKey } from '../lib/master-key.ts';
import { portionsOf } from '../lib/portions.ts';
import type { Signer } from '../lib/signing-key.ts';
import { noTracer, type Tracer } from '../lib/trace.ts';
import { Turns } from '../lib/turns.ts';
import { mendAccount, noteCapacity } from '../reconcile/capacity.ts';
import { defaultSettings, type Settings } from '../reconcile/context.ts';
import { Reconciler } from '../reconcile/loop.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import { viewsOf } from './views.ts';

interface ApiDependencies {
  /** Where this server keeps its own files. */
  dataDir: string;
  /** The folder of uploads and exports; in the data directory when none is given. */
  transfers?: string;
  store: Store;
  masterKey: MasterKey;
  signer: Signer;
  clock?: Clock;
  settings?: Partial<Settings>;
  logLevel?: string;
  /** Secrets that no line of the log may have. */
  secrets?: readonly string[];
  /** Default: no machine is on a network to which ports of the host lead. */
  forwarding?: Forwarding;
  /** Takes each line of the log. Default: standard error. */
  writeLog?: (line: string) => void;
  publicUrl?: string | null;
  /** Default: nothing is traced. */
  tracer?: Tracer;
  requestsPerSecond?: number;
  corsOrigins?: readonly string[];
  /** Whether /metrics is answered at the address of the API. */
  showMetrics?: boolean;
  /** Whether the operator's API is answered there, to callers on this host. Default: true. */
  showOperator?: boolean;
}

interface Dependencies extends ApiDependencies {
  engine: Engine;
}

export interface Api {
  app: FastifyInstance;
  metrics: Metrics;
  /** Builds a server that answers the operator's API alone. */
  operatorServer(): FastifyInstance;
  /** Ends the requests, then `work`. */
  close(work?: () => Promise<void>): Promise<void>;
}

export interface Service extends Omit<Api, 'close'> {
  close(): Promise<void>;
  reconciler: Reconciler;
}

/** So many roots get a board in one transaction. */
const pinnedMax = 500;

/** How long the engine may take to say that it works; a cluster without its leader says nothing. */
const checkMs = 10_000;

/** Throws when the store does not answer in time, as with a connection that was lost unnoticed. */
export async function checkStore(store: Store): Promise<void> {
  const over = new AbortController();
  const late = systemClock.sleep(checkMs, over.signal).then(() => {
    throw failedForNow('The store does not answer. Look at its host, and at the network to it.');
  });
  await Promise.race([store.check(), late]).finally(() => over.abort());
}

/** Throws when the engine cannot work, and keeps the room that it has. */
export async function checkEngine(
  store: Store,
  engine: Engine,
  settings: Partial<Settings> = {},
): Promise<void> {
  const measuring = { store, engine, settings: { ...defaultSettings, ...settings } };
  await noteCapacity(measuring, async () => ({
    capacity: await engine.check(withoutJob(AbortSignal.timeout(checkMs))),
  }));
}

/**
 * Removes what a dead server left at an engine of this host, and measures the host before the first
 * request, so that none is admitted by what an earlier server had.
 */
export async function prepareEngine(
  store: Store,
  engine: Engine,
  settings: Partial<Settings>,
): Promise<void> {
  if (!engine.hostBound) return;
  await engine.hostBound.tidy(withoutJob());
  const measuring = { store, engine, settings: { ...defaultSettings, ...settings } };
  await mendAccount(store);
  await noteCapacity(measuring, () => engine.inventory(withoutJob()));
  await pinBoards(store, engine);
}

/**
 * Gives the roots of earlier versions, which had the newest board of the host, the one that they
 * have now, so that the next upgrade of the host does not change it.
 */
async function pinBoards(store: Store, { bootCheck }: Engine): Promise<void> {
  if (bootCheck === undefined) return;
  const { newest: board } = await bootCheck.boards(withoutJob());
  const roots = await store.read('system', (work) => work.layers.boardless());
  for await (const portion of portionsOf(roots, pinnedMax))
    await store.write('system', async (work) => {
      for (const { id, boot } of portion)
        await work.layers.update(id, { boot: { ...boot, board } });
    });
}

/**
 * Builds the HTTP server and the reconciler on a store and an engine that are open. They stay open
 * when the service closes.
 */
export function buildService(dependencies: Dependencies): Service {
  const { store, engine } = dependencies;
  const api = buildApi(dependencies, {
    nudge() {
      reconciler.nudge();
      store.nudgeOthers();
    },
    async check() {
      await checkStore(store);
      await checkEngine(store, engine, dependencies.settings);
    },
    engine: () => engine,
    engineHere: () => engine,
  });
  const reconciler = buildReconciler(dependencies, api);
  return { ...api, reconciler, close: () => api.close(() => reconciler.stop()) };
}

/** Builds the reconciler of a server, which counts and logs with it. */
export function buildReconciler(
  dependencies: Dependencies,
  { app, metrics }: Pick<Api, 'app' | 'metrics'>,
): Reconciler {
  const { engine, signer, masterKey, clock = systemClock, settings } = dependencies;
  const { tracer = noTracer } = dependencies;
  const { crashPolicy, autoStopS } = settings?.machinePolicy ?? defaultSettings.machinePolicy;
  if (!engine.vitals && (crashPolicy === 'restart' || autoStopS > 0))
    app.log.warn(
      {},
      `--crash-policy and --auto-stop-minutes do nothing: ${saysLacking(engine, 'vitals')}`,
    );
  if (!engine.instant && settings?.templatePolicy === 'always')
    app.log.warn({}, `--templates does nothing: ${saysLacking(engine, 'instant')}`);
  return new Reconciler({
    store: timed(dependencies.store, (ms) => metrics.written(ms)),
    engine,
    clock,
    settings: { ...defaultSettings, ...settings },
    signer,
    masterKey,
    present: presentEvent,
    blobs: localBlobs(transfersOf(dependencies)),
    log: app.log,
    meter: metrics,
    tracer,
  });
}

const transfersOf = ({ dataDir, transfers }: ApiDependencies) =>
  transfers ?? join(dataDir, 'transfers');

interface Beside {
  /** Called when a request has changed something. */
  nudge(): void;
  /** Throws when this server cannot work. */
  check(): Promise<void>;
  /** Throws `unavailable` when another server works the engine. */
  engine(): Engine;
  /** Null while another server works the engine. */
  engineHere(): Engine | null;
}

/** Builds the HTTP server alone. */
export function buildApi(dependencies: ApiDependencies, beside: Beside): Api {
  const { dataDir, masterKey, signer, clock = systemClock } = dependencies;
  const store = timed(dependencies.store, (ms) => metrics.written(ms));
  const { settings, logLevel = 'info', publicUrl = null } = dependencies;
  const { showMetrics = true, showOperator = true } = dependencies;
  const { requestsPerSecond = 0, corsOrigins = [], forwarding = defaultForwarding } = dependencies;
  const { secrets, writeLog, tracer = noTracer } = dependencies;
  const blobs = localBlobs(transfersOf(dependencies));
  const failed = (err: unknown, fields: object) =>
    app.log.error({ err, ...fields }, 'work that an operator asked for has failed');
  const errands = new Errands({ store, masterKey, clock, failed });
  const turns = new Turns();
  const application = new Application({
    store,
    masterKey,
    signer,
    now: clock.now,
    keepDiskMs: settings?.keepDiskMs ?? defaultSettings.keepDiskMs,
    forwarding,
    machinePolicy: settings?.machinePolicy ?? defaultSettings.machinePolicy,
    blobs,
    assertTakes: (head, bytes) => beside.engineHere()?.transfer?.assertTakes(head, bytes),
    assertEngineHas(part) {
      const engine = beside.engineHere();
      if (engine !== null) requirePart(engine, part);
    },
    views: viewsOf(beside.engineHere),
  });
  const metrics = new Metrics({ counts: () => application.counts(), clock });
  const memory =
    store.signatures === null
      ? journalIn(dataDir, clock, (error) => {
          metrics.journalFailed();
          app.log.error({ err: error }, 'the signature of a read could not be written down');
        })
      : { used: store.signatures, close() {} };
  const authenticator = new Authenticator({
    callers: application.callers,
    clock,
    used: memory.used,
    requestsPerSecond,
  });
  const options = {
    application,
    clock,
    authenticator,
    publicUrl,
    metrics,
    tracer,
    showMetrics,
    showOperator,
    operator: { store, masterKey, clock, blobs, errands, turns, engine: beside.engine },
    corsOrigins,
    log: {
      level: logLevel,
      ...(secrets && { secrets }),
      ...(writeLog && { write: writeLog }),
    },
    ...beside,
  };
  const app = buildServer(options);
  return {
    app,
    metrics,
    operatorServer: () => buildOperatorServer(options),
    /** Ends the requests, then what operators asked for, then the work, then the journal. */
    async close(work: () => Promise<void> = async () => {}) {
      const late = setTimeout(() => app.server.closeAllConnections(), httpLimits.drainMs);
      await app.close();
      clearTimeout(late);
      await errands.close();
      await work();
      memory.close();
    },
  };
}

/** The same store; `took` hears of the duration of each of its transactions. */
const timed = (store: Store, took: (ms: number) => void): Store => ({
  ...store,
  async write(scope, work) {
    const begun = performance.now();
    try {
      return await store.write(scope, work);
    } finally {
      took(performance.now() - begun);
    }
  },
});

/** The memory of signatures of a server that owns its store. */
function journalIn(dataDir: string, clock: Clock, failed: (error: unknown) => void) {
  const journal = new SignatureJournal(dataDir, 2 * clockToleranceMs, clock, failed);
  return { used: journal, close: () => journal.close() };
}
