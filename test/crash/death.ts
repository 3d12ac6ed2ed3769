// One death: a real server works on a scenario, dies before a step, and the heir takes over. The
// server runs in a process of its own (victim.ts), so that SIGKILL ends it like any other. Instead
// of the server, its database may die; then the server goes on when the database is back.

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createClient } from '../../src/client/client.ts';
import { ApiError } from '../../src/client/errors.ts';
import type { PostgresServer } from '../postgres/server.ts';
import type { cuttableDisk } from '../power.ts';
import { waitFor } from '../support.ts';
import { ask, type Exchange } from './exchange.ts';
import { isDone, takeOver } from './heir.ts';
import { processesOf } from './nothing-left.ts';
import { copyPlace, type Place } from './place.ts';
import { type Prepared, settingsOf } from './preparation.ts';
import type { World } from './scenario.ts';
import type { Order } from './victim.ts';

const victimFile = new URL('./victim.ts', import.meta.url).pathname;
const reachMs = 900_000;

export type CuttableDisk = Awaited<ReturnType<typeof cuttableDisk>>;

/** What dies with the server, or instead of it. */
export interface Means {
  /** The data directory is on this disk, which loses its power at the moment of the death. */
  power?: CuttableDisk;
  /** The database crashes and is started again; the server lives on. */
  crash?: boolean;
}

export interface Death {
  /** The step before which the server, or its database, died; null: it finished first. */
  step: string | null;
  /** All steps that it made, in order. */
  steps: string[];
}

/**
 * Lets a server die before step `at` (0: never), lets the heir take over, and checks everything.
 * Throws when a check fails.
 */
export async function dieAt(prepared: Prepared, at: number, means: Means = {}): Promise<Death> {
  const { power } = means;
  const place = await copyPlace(prepared.place, power?.folder ?? prepared.folder);
  const { dataDir, database } = place;
  if (power) execFileSync('sync', ['-f', dataDir]);
  const exchanges: Exchange[] = [];
  const back = means.crash && database ? keepRunning(database.server) : null;
  const death = await runVictim(prepared, place, at, means, exchanges).finally(back);
  if (power && death.step !== null) {
    // A host that loses its power loses its machines too.
    for (const { pid } of await processesOf(dataDir)) process.kill(pid, 'SIGKILL');
    await power.mend();
  }
  await takeOver(prepared, place, exchanges);
  await database?.server.drop(database.url);
  return death;
}

/** Starts the database again when it has ended. Returns a function that waits for it, and stops. */
function keepRunning(server: PostgresServer): () => Promise<void> {
  let [isWatched, isStarting] = [true, false];
  const started = server.ended().then(() => {
    isStarting = isWatched;
    return isStarting ? server.start() : undefined;
  });
  return async () => {
    isWatched = false;
    if (isStarting) await started;
  };
}

/** The process of the server that will die, and its output so far. */
interface Victim {
  child: ChildProcess;
  printed: () => string;
  hasEnded: () => boolean;
  /** Resolves to its exit status, or to the signal that ended it. */
  closed: Promise<NodeJS.Signals | number | null>;
}

function startVictim(order: Order): Victim {
  const child = spawn(process.execPath, [victimFile, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let [printed, ended] = ['', false];
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  const closed = new Promise<NodeJS.Signals | number | null>((resolve) =>
    child.once('close', (code, signal) => {
      ended = true;
      resolve(signal ?? code);
    }),
  );
  return { child, printed: () => printed, hasEnded: () => ended, closed };
}

/** Runs the scenario on a server that dies before step `at`. Fills `exchanges` with the answers. */
async function runVictim(
  prepared: Prepared,
  place: Place,
  at: number,
  { power, crash = false }: Means,
  exchanges: Exchange[],
): Promise<Death> {
  const { scenario, engine } = prepared;
  const { server, url: databaseUrl = null } = place.database ?? {};
  const victim = startVictim({
    dataDir: place.dataDir,
    engine,
    databaseUrl,
    at,
    cut: power?.folder ?? null,
    database: crash && server ? server.pid : null,
    fromStart: scenario.asks.length === 0,
    tasks: scenario.tasks ?? [],
    settings: settingsOf(scenario, engine, place),
  });
  const { child, printed, hasEnded, closed } = victim;
  let survived = false;
  try {
    const url = await waitFor(
      'the server serves, or dies',
      () => hasEnded() || /serves (\S+)/.exec(printed())?.[1],
      reachMs,
    );
    if (typeof url === 'string') {
      const isAnswered = await askAll(prepared, place, victim, { url, crash }, exchanges);
      const isFinished = () =>
        isAnswered &&
        isDone(place, scenario).catch((error) => {
          // The disk has lost its power, or the database is down, so the store cannot be read.
          if (power || crash) return false;
          throw error;
        });
      await waitFor('it dies, or finishes', () => hasEnded() || isFinished(), reachMs, 50);
    }
    child.kill('SIGTERM');
    // The server may also die at its step while it stops.
    const end = await closed;
    survived = end === 0;
    assert.ok(survived || end === 'SIGKILL', `it ended with ${end}`);
  } finally {
    child.kill('SIGKILL');
  }
  const steps = [...printed().matchAll(/^step \d+ (.*)$/gm)].map((match) => match[1] ?? '');
  if (crash) {
    assert.ok(survived, 'it died with its database');
    return { step: steps[at - 1] ?? null, steps };
  }
  if (!survived) assert.equal(steps.length, at, `it died by itself after ${steps.at(-1)}`);
  return { step: survived ? null : (steps.at(-1) ?? null), steps };
}

/**
 * Sends the requests of the scenario in order, until the server dies. Keeps each in `exchanges`
 * before it is sent. Resolves to whether all were answered; throws when one is refused.
 */
async function askAll(
  { scenario, engine, furnished }: Prepared,
  { dataDir }: Place,
  { child, printed }: Victim,
  { url, crash }: { url: string; crash: boolean },
  exchanges: Exchange[],
): Promise<boolean> {
  const { key, software, machines } = furnished;
  const client = createClient({ url, ...key });
  // The store is open in the other process: `warm` and `asks` may use nothing but the client.
  const world = { dataDir, engine, client, software, machine: machines[0] ?? 0 } as World;
  await scenario.warm?.(world);
  if (scenario.asks.length > 0) {
    child.kill('SIGUSR2');
    await waitFor('it counts', () => printed().includes('armed\n'), reachMs);
  }
  try {
    for (const one of scenario.asks) {
      const answers = exchanges.map(({ answer }) => answer);
      const wanted = one(world, answers);
      const exchange: Exchange = { wanted, idempotencyKey: randomUUID(), answer: undefined };
      exchanges.push(exchange);
      const send = () => ask({ key, url }, wanted, exchange.idempotencyKey);
      exchange.answer = (await (crash ? untilItAnswers(send) : send())).answer;
    }
    return true;
  } catch (error) {
    if (error instanceof ApiError) throw error;
    // The server died before it answered.
    return false;
  }
}

/**
 * Sends a request under its key until the database is back. Meanwhile the server answers with 503;
 * after a crash it refuses once (401) what was signed before it remembers signatures again.
 */
async function untilItAnswers<Answer>(send: () => Promise<Answer>): Promise<Answer> {
  const { answer } = await waitFor(
    'a request is answered',
    () =>
      send().then(
        (answer) => ({ answer }),
        (error) => {
          const passes = error instanceof ApiError && [401, 503].includes(error.status);
          if (!passes) throw error;
          return null;
        },
      ),
    reachMs,
    100,
  );
  return answer;
}
