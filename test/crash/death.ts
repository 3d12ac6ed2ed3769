// Lets a real server die at a step of a scenario, lets its power fail there too if asked, starts
// another server on what is left, and looks at everything: rows, files, processes, and what callers
// were told.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ApiError, createClient, send } from '../../src/client/client.ts';
import { findProcesses, processesIn } from '../../src/engine/qemu/process.ts';
import type { Simulator } from '../../src/engine/simulator/engine.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { examine } from '../../src/reconcile/doctor.ts';
import type { Settings } from '../../src/reconcile/workflow.ts';
import { openEngine, openExistingStore } from '../../src/server/open.ts';
import { parseConfig } from '../../src/server/options.ts';
import { type Running, serve } from '../../src/server/serve.ts';
import { furnish } from '../furnish.ts';
import type { cuttableDisk } from '../power.ts';
import { quickBase } from '../qemu/quick-base.ts';
import { type Scope, temporaryFolder, waitFor } from '../support.ts';
import {
  type EngineName,
  leaveMark,
  type RequestContext,
  type Scenario,
  type World,
} from './scenarios.ts';
import type { Order } from './victim.ts';

const victimFile = new URL('./victim.ts', import.meta.url).pathname;
const reachMs = 120_000;

type Furnished = Awaited<ReturnType<typeof furnish>>;

/** A scenario with everything before it done, in a data directory that nobody uses. */
export interface Prepared {
  scenario: Scenario;
  engine: EngineName;
  folder: string;
  dataDir: string;
  furnished: Furnished;
}

const settingsOf = ({ settings }: Scenario, engine: EngineName): Partial<Settings> => ({
  stopMs: 0,
  collectDelayMs: 0,
  // Each look is a step or two.
  pollMs: engine === 'qemu' ? 500 : 50,
  ...settings,
});
const configOf = (dataDir: string, engine: EngineName) =>
  parseConfig({ dataDir, engine, port: '0', logLevel: 'silent', simulatorSpeed: '0' }, {});

const worldOf = (
  { store, url, engine }: Pick<Running, 'store' | 'url' | 'engine'>,
  dataDir: string,
  { key, software, machines: [machine = 0] }: Furnished,
): World => ({
  dataDir,
  engine: engine.name as EngineName,
  store,
  client: createClient({ url, ...key }),
  software,
  machine,
  async write(mark) {
    const disks = await store.read('system', (work) => work.disks.ofMachine(machine as never));
    const disk = disks.find((one) => one.state === 'active')?.id as never;
    if (engine.name === 'simulator')
      return (engine as Simulator).writeToDisk(disk, leaveMark(mark));
    const path = join(dataDir, 'engine', 'disks', `${disk}.qcow2`);
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', `write -P ${mark} ${mark}M 1M`, path], {
      stdio: 'pipe',
    });
  },
});

export async function prepare(t: Scope, scenario: Scenario, engine: EngineName): Promise<Prepared> {
  const folder = await temporaryFolder(t);
  const dataDir = join(folder, 'prepared');
  const disk = join(folder, 'simulated.raw');
  await writeFile(disk, 'a simulated disk');
  const base =
    engine === 'qemu' ? await quickBase(folder) : { disk, boot: { mode: 'firmware' as const } };
  const titles = [11, 12, 13].map((mark) => ({ name: `Title ${mark}`, script: leaveMark(mark) }));
  // The server that dies is the one that removes.
  const { keepImageMs: _image, cacheBytesMax: _cache, ...settings } = settingsOf(scenario, engine);
  const server = await serve({ ...configOf(dataDir, engine), settings });
  try {
    const furnished = await furnish(server, { base, titles, machines: 1 });
    await scenario.prepare(worldOf(server, dataDir, furnished));
    return { scenario, engine, folder, dataDir, furnished };
  } finally {
    await server.close();
  }
}

export interface Death {
  /** The step before which it died; null: it came to its end first. */
  step: string | null;
  /** All steps that it made. */
  steps: string[];
}

interface Told {
  wanted: RequestContext;
  idempotencyKey: string;
  answer: unknown;
}

/**
 * Lets a server die before step `at` (0: never), another one take over, and looks at everything.
 * Throws what does not hold.
 */
export async function dieAt(
  prepared: Prepared,
  at: number,
  power?: Awaited<ReturnType<typeof cuttableDisk>>,
): Promise<Death> {
  const dataDir = join(power?.folder ?? prepared.folder, 'run');
  await rm(dataDir, { recursive: true, force: true });
  execFileSync('cp', ['-a', prepared.dataDir, dataDir]);
  if (power) execFileSync('sync', ['-f', dataDir]);
  const told: Told[] = [];
  const death = await runVictim(prepared, dataDir, at, power?.folder ?? null, told);
  if (power && death.step !== null) {
    // The host is gone, and the machines on it.
    for (const { pid } of await processesOf(dataDir)) process.kill(pid, 'SIGKILL');
    await power.mend();
  }
  await takeOver(prepared, dataDir, told);
  return death;
}

const processesOf = (dataDir: string) =>
  findProcesses(processesIn(join(realpathSync(dataDir), 'engine')));

/** Whether the server has come to the end of what was asked for. */
function isDone(dataDir: string, { done }: Scenario): boolean {
  const database = new DatabaseSync(join(dataDir, 'silversmith.db'), {
    readOnly: true,
    timeout: 5000,
  });
  try {
    const sql = done ?? "select count(*) = 0 from job where state in ('queued', 'running')";
    return Object.values(database.prepare(sql).get() ?? {})[0] === 1;
  } finally {
    database.close();
  }
}

async function ask(
  { key, url }: { key: Furnished['key']; url: string },
  { name, input, content }: RequestContext,
  idempotencyKey: string,
) {
  const headers = { 'idempotency-key': idempotencyKey };
  const response = await send({ url, ...key }, name, input as never, {
    headers,
    ...(content && { content }),
  });
  return {
    answer: await response.json(),
    again: response.headers.get('idempotent-replayed') === 'true',
  };
}

/** Asks a server that dies at a step for what the scenario asks for, and keeps what it answered. */
async function runVictim(
  { scenario, engine, furnished }: Prepared,
  dataDir: string,
  at: number,
  cut: string | null,
  told: Told[],
): Promise<Death> {
  const fromStart = scenario.asks.length === 0;
  const { tasks = [] } = scenario;
  const order: Order = {
    dataDir,
    engine,
    at,
    cut,
    fromStart,
    tasks,
    settings: settingsOf(scenario, engine),
  };
  const child = spawn(process.execPath, [victimFile, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  let ended = false;
  const closed = new Promise<NodeJS.Signals | number | null>((resolve) =>
    child.once('close', (code, signal) => {
      ended = true;
      resolve(signal ?? code);
    }),
  );
  let survived = false;
  try {
    const url = await waitFor(
      'the server serves, or dies',
      () => ended || /serves (\S+)/.exec(said)?.[1],
      reachMs,
    );
    if (typeof url === 'string') {
      const { key, software, machines } = furnished;
      const client = createClient({ url, ...key });
      // What needs more than the client is done before.
      const world = { dataDir, engine, client, software, machine: machines[0] ?? 0 } as World;
      await scenario.warm?.(world);
      if (!fromStart) {
        child.kill('SIGUSR2');
        await waitFor('it counts', () => said.includes('armed\n'), reachMs);
      }
      try {
        for (const one of scenario.asks) {
          const wanted = one(
            world,
            told.map(({ answer }) => answer),
          );
          const idempotencyKey = randomUUID();
          told.push({ wanted, idempotencyKey, answer: undefined });
          const answered = await ask({ key, url }, wanted, idempotencyKey);
          Object.assign(told.at(-1) as Told, { answer: answered.answer });
        }
      } catch (error) {
        // It died before it answered.
        if (error instanceof ApiError) throw error;
      }
      const asked =
        told.length === scenario.asks.length && told.every(({ answer }) => answer !== undefined);
      const finished = () => {
        try {
          return isDone(dataDir, scenario);
        } catch (error) {
          // Its disk has no power any more.
          if (cut !== null) return false;
          throw error;
        }
      };
      await waitFor(
        'it dies, or comes to its end',
        () => ended || (asked && finished()),
        reachMs,
        50,
      );
    }
    child.kill('SIGTERM');
    // It may reach its step while it stops.
    const end = await closed;
    survived = end === 0;
    assert.ok(survived || end === 'SIGKILL', `it ended with ${end}`);
  } finally {
    child.kill('SIGKILL');
  }
  const steps = [...said.matchAll(/^step \d+ (.*)$/gm)].map((match) => match[1] ?? '');
  if (!survived) assert.equal(steps.length, at, `it died by itself after ${steps.at(-1)}`);
  return { step: survived ? null : (steps.at(-1) ?? null), steps };
}

/**
 * Another server finishes it. What was answered before is answered again, the same; what was not is
 * asked again.
 */
async function takeOver(
  { scenario, engine, furnished }: Prepared,
  dataDir: string,
  told: readonly Told[],
) {
  const config = configOf(dataDir, engine);
  const heir = await serve({ ...config, settings: settingsOf(scenario, engine) });
  try {
    const world = worldOf(heir, dataDir, furnished);
    const { key } = furnished;
    const answers: unknown[] = [];
    for (const [index, one] of scenario.asks.entries()) {
      const before = told[index];
      const wanted = before?.wanted ?? one(world, answers);
      const { answer, again } = await ask(
        { key, url: heir.url },
        wanted,
        before?.idempotencyKey ?? randomUUID(),
      );
      answers.push(answer);
      if (before?.answer === undefined) continue;
      assert.ok(again, `${wanted.name} was acknowledged, and is not known any more`);
      assert.deepEqual(answer, before.answer);
    }
    for (const task of scenario.tasks ?? []) await heir.reconciler.task(task);
    await waitFor(
      'no job is open',
      async () => !(await heir.store.read('system', (work) => work.jobs.open(1))).length,
      reachMs,
      20,
    );
    for (const task of ['observe', 'collect', 'sweep', 'collect'] as const)
      await heir.reconciler.task(task);
    await waitFor('all is done', () => isDone(dataDir, scenario));
    await scenario.holds(world);
  } finally {
    await heir.close();
  }
  await assertNothingLeft(dataDir, engine);
}

/** The store, the engine's folders and the processes of the host agree to the last one. */
async function assertNothingLeft(dataDir: string, name: EngineName): Promise<void> {
  const config = configOf(dataDir, name);
  const { store } = await openExistingStore(config);
  const engine = await openEngine(config);
  try {
    const known = await store.read('system', async (work) => ({
      orphans: await work.host.orphans(),
      layers: await work.layers.ids(),
      disks: await work.disks.ids(),
      machines: await work.machines.everyone(),
    }));
    assert.deepEqual(known.orphans, []);
    const kept = await engine.inventory();
    assert.deepEqual([...kept.layers.keys()].sort(), known.layers.sort());
    assert.deepEqual([...kept.disks.keys()].sort(), known.disks.sort());
    // The folder was prepared once for all steps, maybe so long ago that the server was cautious.
    const findings = await examine({ store, engine, clock: systemClock });
    assert.deepEqual(
      findings.filter(({ subject }) => subject !== 'the removal of what was kept for a time'),
      [],
    );
    for (const machine of known.machines)
      assert.ok(['off', 'ready'].includes(machine.status), machine.status);
    const on = known.machines.filter((machine) => machine.status === 'ready').map(({ id }) => id);
    assert.deepEqual([...(await engine.runningMachines())], on);
    if (name !== 'qemu') return;
    const names = async (folder: string) => (await readdir(join(dataDir, 'engine', folder))).sort();
    assert.deepEqual(await names('builds'), []);
    assert.deepEqual(await names('machines'), on.map(String));
    assert.deepEqual(
      await names('run'),
      on.map((id) => `machine-${id}`),
    );
    for (const folder of ['layers', 'disks'])
      assert.deepEqual(
        (await names(folder)).filter((one) => !/^[0-9a-f]+\.(qcow2|vmlinuz|initrd)$/.test(one)),
        [],
      );
    assert.deepEqual(
      (await processesOf(dataDir)).map((one) => one.name.replace(/.*-(?=machine|build)/, '')),
      on.map((id) => `machine-${id}`),
    );
  } finally {
    for (const id of await engine.runningMachines()) await engine.stopMachine(id, 0);
    await engine.close();
    await store.close();
  }
}
