// The soak: clients drive a server with a seeded mix of calls, while it is killed at random moments
// and started again. At the end a checker compares all answers with each other, and with the store,
// a backup and the engine.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/lib/clock.ts';
import { examine } from '../../src/reconcile/doctor.ts';
import { backUp } from '../../src/server/backup.ts';
import { openEngine } from '../../src/server/open.ts';
import { restore } from '../../src/server/restore.ts';
import { demoKey, demoServer, storeOf, withoutQuotas } from '../demo-server.ts';
import { waitFor } from '../support.ts';
import { type Caller, callerOf } from './caller.ts';
import { demoStage, runClient } from './client.ts';
import { type Call, check, checkAudit } from './history.ts';
import { randomOf } from './random.ts';
import { readAll } from './read-all.ts';

export interface SoakOptions {
  /** An empty folder. */
  folder: string;
  seed: number;
  kills: number;
  clients: number;
  /**
   * Runs after each kill, when no process has a file of the folder open. It may cut the power of
   * the folder's disk.
   */
  afterKill?: () => Promise<void>;
  /** An empty folder for files that `afterKill` must not harm. Default: `folder`. */
  aside?: string;
  say?: (line: string) => void;
}

export interface SoakResult {
  calls: number;
  kills: number;
  /** Calls that were answered only after the server had died in between. */
  repeated: number;
  /** One sentence for each promise that does not hold. */
  problems: string[];
}

type Server = ReturnType<typeof demoServer>;
type Data = ReturnType<typeof storeOf> & { dataDir: string };

/** A backup that was made between two moments, in ms of `performance.now()`. */
interface Copy {
  folder: string;
  from: number;
  to: number;
}

export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const dataDir = join(options.folder, 'data');
  const server = demoServer(dataDir);
  // It ends, too, when the run fails; else it would keep the process of the test.
  return soakOn(options, server, dataDir).finally(() => server.end('SIGKILL'));
}

async function soakOn(options: SoakOptions, server: Server, dataDir: string): Promise<SoakResult> {
  const { folder, seed, clients, aside = folder } = options;
  await server.start();
  const data: Data = { dataDir, ...storeOf(dataDir) };
  await data.withStore((store) => store.write('system', withoutQuotas));
  const caller = callerOf(server.url, await demoKey(dataDir));

  let isOver = false;
  const working = Array.from({ length: clients }, (_, number) =>
    runClient(number, caller.call, randomOf(seed * 1000 + number), () => isOver),
  );
  const killing = killAtRandom(options, server, data, caller, () => isOver);
  try {
    // A client that gets no answer ends the soak.
    await Promise.race([killing, Promise.all(working)]);
  } finally {
    isOver = true;
    await Promise.allSettled([killing, ...working]);
  }
  await Promise.all(working);
  const { kills, copy } = await killing;

  await data.withStore((store) =>
    waitFor(
      'no job is open',
      async () => (await store.read('system', (work) => work.jobs.open(1000))).length === 0,
      120_000,
      100,
    ),
  );
  await readCopy(copy, join(aside, 'restored'), caller);
  await readAll(caller, demoStage.machines);
  await server.end('SIGTERM');
  const problems = [...check(caller.history), ...(await checkData(data, caller.history))];
  return { calls: caller.history.length, kills, repeated: caller.repeated(), problems };
}

/** Kills the server and starts it again. Makes a backup when half of the kills are done. */
async function killAtRandom(
  { kills, seed, folder, aside = folder, afterKill = async () => {}, say = () => {} }: SoakOptions,
  server: Server,
  data: Data,
  { history }: Caller,
  isOver: () => boolean,
): Promise<{ kills: number; copy: Copy | null }> {
  const random = randomOf(seed);
  let copy: Copy | null = null;
  for (let killed = 0; killed < kills && !isOver(); killed++) {
    await sleep(50 + random.below(900));
    if (killed === Math.floor(kills / 2)) copy = await makeCopy(join(aside, 'backup'), data);
    await server.end('SIGKILL');
    await afterKill();
    if ((killed + 1) % 20 === 0) say(`${killed + 1} kills, ${history.length} answers`);
    await server.start();
  }
  return { kills, copy };
}

async function makeCopy(folder: string, { config, withStore, dataDir }: Data): Promise<Copy> {
  const from = performance.now();
  const engine = await openEngine(config);
  await withStore((store) => backUp({ store, engine, dataDir }, folder, { keys: true }));
  return { folder, from, to: performance.now() };
}

/**
 * Restores a backup, serves it, and reads everything from it. Those reads count as made while the
 * backup was made, since that is the time of its state.
 */
async function readCopy(copy: Copy | null, restored: string, caller: Caller): Promise<void> {
  if (copy === null) return;
  await restore(copy.folder, restored, 'operator:test');
  const server = demoServer(restored);
  const first = caller.history.length;
  const readAgain = async () => {
    await server.start();
    await readAll(caller, demoStage.machines, server.url);
  };
  await readAgain().finally(() => server.end('SIGTERM'));
  for (const read of caller.history.slice(first)) {
    read.invokedAt = copy.from;
    read.completedAt = copy.to;
    // Jobs of the backup continued there, so an image's status may be newer. Only the existence of
    // the image is compared.
    if (read.name === 'imageGet' && read.code === 200) read.answer = {};
  }
}

export const wrongRows = [
  `select 'image ' || id || ' is ' || status || ' at the end' as text from image
   where deleted_at is null and status not in ('available', 'failed')`,
  `select 'machine ' || id || ' is ' || status || ' at the end' as text from machine
   where status not in ('off', 'ready')`,
  `select name || ' was made ' || count(*) || ' times' as text from image
   group by name having count(*) > 1`,
];

/** Compares the history with the audit trail, looks for forbidden rows, and asks the doctor. */
async function checkData(
  { config, withStore, dataDir }: Data,
  history: readonly Call[],
): Promise<string[]> {
  const database = new DatabaseSync(join(dataDir, 'silversmith.db'));
  const logs = database.prepare('select request_id, client_code from audit').all();
  const problems = checkAudit(history, logs as { request_id: string; client_code: number }[]);
  for (const sql of wrongRows) {
    const rows = database.prepare(sql).all() as { text: string }[];
    problems.push(...rows.map(({ text }) => text));
  }
  database.close();
  const engine = await openEngine(config);
  const findings = await withStore((store) => examine({ store, engine, clock: systemClock }));
  return [...problems, ...findings.map(({ subject, found }) => `${subject} ${found}`)];
}
