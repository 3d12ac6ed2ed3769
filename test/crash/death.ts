// One death: a real server works on a scenario, dies before a step, and the heir takes over. The
// server runs in a process of its own (victim.ts), so that SIGKILL ends it like any other.

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient } from '../../src/client/client.ts';
import { ApiError } from '../../src/client/errors.ts';
import type { cuttableDisk } from '../power.ts';
import { waitFor } from '../support.ts';
import { ask, type Exchange } from './exchange.ts';
import { isDone, takeOver } from './heir.ts';
import { processesOf } from './nothing-left.ts';
import { type Prepared, settingsOf } from './preparation.ts';
import type { World } from './scenario.ts';
import type { Order } from './victim.ts';

const victimFile = new URL('./victim.ts', import.meta.url).pathname;
const reachMs = 120_000;

export type CuttableDisk = Awaited<ReturnType<typeof cuttableDisk>>;

export interface Death {
  /** The step before which the server died; null: it finished first. */
  step: string | null;
  /** All steps that it made, in order. */
  steps: string[];
}

/**
 * Lets a server die before step `at` (0: never), lets the heir take over, and checks everything.
 * With `power`, the data directory is on that disk, which loses its power at the moment of the
 * death. Throws when a check fails.
 */
export async function dieAt(prepared: Prepared, at: number, power?: CuttableDisk): Promise<Death> {
  const dataDir = join(power?.folder ?? prepared.folder, 'run');
  await rm(dataDir, { recursive: true, force: true });
  execFileSync('cp', ['-a', prepared.dataDir, dataDir]);
  if (power) execFileSync('sync', ['-f', dataDir]);
  const exchanges: Exchange[] = [];
  const death = await runVictim(prepared, dataDir, at, power?.folder ?? null, exchanges);
  if (power && death.step !== null) {
    // A host that loses its power loses its machines too.
    for (const { pid } of await processesOf(dataDir)) process.kill(pid, 'SIGKILL');
    await power.mend();
  }
  await takeOver(prepared, dataDir, exchanges);
  return death;
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
  dataDir: string,
  at: number,
  cut: string | null,
  exchanges: Exchange[],
): Promise<Death> {
  const { scenario, engine } = prepared;
  const fromStart = scenario.asks.length === 0;
  const settings = settingsOf(scenario, engine);
  const { tasks = [] } = scenario;
  const victim = startVictim({ dataDir, engine, at, cut, fromStart, tasks, settings });
  const { child, printed, hasEnded, closed } = victim;
  let survived = false;
  try {
    const url = await waitFor(
      'the server serves, or dies',
      () => hasEnded() || /serves (\S+)/.exec(printed())?.[1],
      reachMs,
    );
    if (typeof url === 'string') {
      const isAnswered = await askAll(prepared, dataDir, victim, url, exchanges);
      const isFinished = () => {
        try {
          return isAnswered && isDone(dataDir, scenario);
        } catch (error) {
          // The disk has lost its power, so the store cannot be read.
          if (cut !== null) return false;
          throw error;
        }
      };
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
  if (!survived) assert.equal(steps.length, at, `it died by itself after ${steps.at(-1)}`);
  return { step: survived ? null : (steps.at(-1) ?? null), steps };
}

/**
 * Sends the requests of the scenario in order, until the server dies. Keeps each in `exchanges`
 * before it is sent. Resolves to whether all were answered; throws when one is refused.
 */
async function askAll(
  { scenario, engine, furnished }: Prepared,
  dataDir: string,
  { child, printed }: Victim,
  url: string,
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
      exchange.answer = (await ask({ key, url }, wanted, exchange.idempotencyKey)).answer;
    }
    return true;
  } catch (error) {
    if (error instanceof ApiError) throw error;
    // The server died before it answered.
    return false;
  }
}
