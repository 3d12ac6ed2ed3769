// Several servers on one database, in one process. They share a simulated engine, as they would
// share a cluster, and a folder of transfers.

import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../src/lib/clock.ts';
import type { Settings } from '../../src/reconcile/context.ts';
import { buildService, type Service } from '../../src/server/service.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { startHarness } from '../http/harness.ts';
import { type Key, requestsTo } from '../http/requests.ts';
import { defer, type Scope } from '../support.ts';

interface Options {
  count: number;
  requestsPerSecond?: number;
  settings?: Partial<Settings>;
  /** How long the simulated work takes: 1 is as real, 0 takes no time. */
  speed?: number;
  /** Of the servers and their stores. Default: that of the host, and of the database. */
  clock?: Clock;
}

export const withoutHost = <Engine extends { hostBound?: unknown }>({
  hostBound: _,
  ...engine
}: Engine) => engine;

/** Starts the servers; the first has an organisation, machines, a base and software. */
export async function startReplicas(t: Scope, url: string, options: Options) {
  const { count, requestsPerSecond = 0, settings = {}, speed = 0, clock } = options;
  const openStore = () =>
    openPostgres({ url, requestsPerSecond, ...(clock && { now: clock.now }) });
  const first = await startHarness(t, {
    openStore,
    wrapEngine: withoutHost,
    requestsPerSecond,
    settings,
    speed,
    ...(clock && { clock }),
  });
  first.store.onNudge(() => first.service.reconciler.nudge());
  const services: Service[] = [first.service];
  /** Starts one more server. */
  const join = async (): Promise<Service> => {
    const store = await openStore();
    const service = buildService({
      ...first,
      store,
      engine: withoutHost(first.engine),
      logLevel: 'silent',
      requestsPerSecond,
      settings: {
        ...{ pollMs: 5, lookAgainMs: 0, collectDelayMs: 0, templatePolicy: 'never' },
        ...settings,
      },
    });
    await service.app.ready();
    store.onNudge(() => service.reconciler.nudge());
    service.reconciler.start();
    defer(t, async () => {
      await service.close();
      await store.close();
    });
    services.push(service);
    return service;
  };
  while (services.length < count) await join();
  const apps: FastifyInstance[] = services.map(({ app }) => app);
  const at = (number: number, key: Key = first.keys.ours) =>
    requestsTo(apps[number % count] ?? first.service.app, first.clock, key);
  return { ...first, services, apps, at, join };
}
