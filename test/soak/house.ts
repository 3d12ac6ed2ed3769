// The full house: several servers on one PostgreSQL and one Incus cluster, under clients, while
// servers are killed, the database crashes, daemons of the cluster die, and hosts lose their power
// or their network. At the end the checker compares all answers with each other and with the
// database, and the doctor compares the database with the cluster.

import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/lib/clock.ts';
import { examine } from '../../src/reconcile/doctor.ts';
import { openExistingStore } from '../../src/server/open.ts';
import { parseConfig } from '../../src/server/options.ts';
import { openWorkedEngine } from '../../src/server/replica.ts';
import { furnish } from '../furnish.ts';
import { startIncus, statesAre } from '../incus/cluster.ts';
import { containerBase } from '../incus/member.ts';
import { socketOf } from '../incus/server.ts';
import { type PostgresServer, startPostgres } from '../postgres/server.ts';
import { serverProcess } from '../server-process.ts';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';
import { callerOf } from './caller.ts';
import { runClient } from './client.ts';
import { check, checkAudit } from './history.ts';
import { randomOf } from './random.ts';
import { readAll } from './read-all.ts';
import type { Interval } from './register.ts';
import { wrongRows } from './soak.ts';

const serverCount = 3;
const machineCount = 4;
const settleMostMs = 240_000;

type Disturbance = 'server' | 'database' | 'daemon' | 'member' | 'network';

interface HouseOptions {
  seed: number;
  /** What happens, in this order, each some seconds after the one before. */
  disturbances: readonly Disturbance[];
  clients: number;
  say(line: string): void;
}

interface HouseResult {
  calls: number;
  /** Calls that were answered only after another try. */
  repeated: number;
  problems: string[];
}

const titles = ['a', 'b', 'c'].map((name) => ({ name, script: `echo ${name} > /title-${name}\n` }));

/** A server of the house, which keeps its port when it is started again. */
function houseServer(flags: readonly string[]) {
  const { start, end } = serverProcess();
  let port = '0';
  return {
    url: () => `http://127.0.0.1:${port}`,
    async start() {
      const more = ['--port', port, '--log-level', 'fatal', '--rate-limit', '0'];
      port = await start(['--engine', 'incus', ...flags, ...more], /serves \S+:(\d+)/);
    },
    end,
  };
}

/** Starts the servers; the first makes the keys, which the others get. */
async function startServers(folder: string, flags: readonly string[]) {
  const shared = join(folder, '0');
  const servers = [];
  for (let number = 0; number < serverCount; number++) {
    const dataDir = join(folder, String(number));
    await mkdir(dataDir, { recursive: true });
    if (number > 0)
      for (const name of ['master.key', 'signing.key'])
        await copyFile(join(shared, name), join(dataDir, name));
    const own = ['--data-dir', dataDir, '--transfers-dir', shared];
    const server = houseServer([...flags, ...own]);
    await server.start();
    servers.push(server);
  }
  return servers;
}

export async function runHouse(t: Scope, options: HouseOptions): Promise<HouseResult> {
  const { seed, disturbances, clients, say } = options;
  const folder = await temporaryFolder(t);
  const database = await startPostgres(t, ['fsync=on']);
  const databaseUrl = await database.database();
  const { first, members, network } = await startIncus(t, { members: 2, ownNetwork: true });
  const incusUrl = members.map(socketOf).join(',');
  const flags = ['--database-url', databaseUrl, '--incus-url', socketOf(first)];
  const servers = await startServers(folder, flags);
  for (const { end } of servers) defer(t, () => end('SIGTERM'));
  say(`${serverCount} servers, PostgreSQL and a cluster at ${incusUrl}`);

  const config = parseConfig(
    { dataDir: join(folder, '0'), databaseUrl, incusUrl: socketOf(first) },
    {},
  );
  const { store, masterKey } = await openExistingStore(config);
  defer(t, () => store.close());
  const engine = await openWorkedEngine(config, store);
  defer(t, () => engine.close());
  const base = { disk: await containerBase(), boot: { mode: 'bios' as const } };
  const stage = await furnish(
    { store, engine, masterKey },
    { base, titles, machines: machineCount },
  );
  await store.write('system', (work) => {
    const most = 1_000_000;
    const quotas = { images: most, machines: most, builds: most, storedGb: most, keptGb: most };
    return work.organisations.setQuotas(stage.organisationId, quotas);
  });

  const random = randomOf(seed);
  const anyUrl = () => servers[random.below(serverCount)]?.url() ?? '';
  const caller = callerOf(anyUrl, stage.key);
  let isOver = false;
  const working = Promise.all(
    Array.from({ length: clients }, (_, number) =>
      runClient(number, caller.call, randomOf(seed * 1000 + number), () => isOver, stage),
    ),
  );
  const losses: Interval[] = [];
  const disturb = async () => {
    for (const what of disturbances) {
      await sleep(2000 + random.below(4000));
      say(`${what}, after ${caller.history.length} answers`);
      const from = performance.now();
      if (what === 'server') {
        const server = servers[random.below(serverCount)];
        await server?.end('SIGKILL');
        await server?.start();
      } else if (what === 'database') await crash(database, 500 + random.below(2000));
      else {
        const member = members[random.below(members.length)];
        if (what === 'daemon') await member?.crashDaemon();
        else if (what === 'network') {
          network?.cut('two');
          await sleep(random.below(20_000));
          network?.mend('two');
        } else {
          await member?.kill();
          await sleep(random.below(15_000));
          await member?.start();
          losses.push({ invokedAt: from, completedAt: performance.now() });
        }
        await statesAre(first, { one: 'Online', two: 'Online' });
      }
    }
  };
  // A client that gets no answer ends the run.
  await Promise.race([disturb(), working]);
  isOver = true;
  await working;
  const settling = performance.now();
  await waitFor(
    'no job is open',
    async () => (await store.read('system', (work) => work.jobs.open(1000))).length === 0,
    settleMostMs,
    500,
  );
  say(`all jobs ended ${((performance.now() - settling) / 1000).toFixed(1)} s after the last call`);
  await readAll(caller, stage.machines);
  const problems = check(caller.history, losses);
  const audit = await database.query('select request_id, client_code from audit', databaseUrl);
  problems.push(
    ...checkAudit(caller.history, audit as { request_id: string; client_code: number }[]),
  );
  for (const sql of wrongRows)
    for (const { text } of await database.query(sql, databaseUrl)) problems.push(String(text));
  const found = await examine({ store, engine, clock: systemClock });
  problems.push(...found.map(({ subject, found: says }) => `${subject} ${says}`));
  for (const { end } of servers) await end('SIGTERM');
  return { calls: caller.history.length, repeated: caller.repeated(), problems };
}

async function crash(database: PostgresServer, downMs: number): Promise<void> {
  await database.stop('immediate');
  await sleep(downMs);
  await database.start();
}

/** Disturbances of all kinds; servers die most often. */
export function chosenAtRandom(seed: number, count: number): Disturbance[] {
  const random = randomOf(seed);
  const kinds = ['server', 'server', 'database', 'daemon', 'member', 'network'] as const;
  return Array.from({ length: count }, () => random.one(kinds) ?? 'server');
}
