// A real server is killed, or loses the power of its disk, before steps of its work, and another
// server takes over. README.md in this folder explains how. npm test kills at a sample of the
// steps; npm run crash kills at the requested steps, and records them in steps.json.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { jobKindNames } from '../../src/domain/job.ts';
import { type PostgresServer, startPostgres } from '../postgres/server.ts';
import { cuttableDisk } from '../power.ts';
import { defer, leftOutWithoutRoot, type Scope } from '../support.ts';
import { dieAt, type Means } from './death.ts';
import type { StoreName } from './place.ts';
import { type Prepared, prepare } from './preparation.ts';
import { engineNames, type Scenario } from './scenario.ts';
import { scenarios } from './scenarios.ts';
import { type Fault, selectionFrom } from './selection.ts';
import {
  type Counts,
  chooseSteps,
  type Proof,
  proofs,
  readRecorded,
  record,
  unrecorded,
} from './steps.ts';

const selection = selectionFrom(process.env);
const isSample = selection.steps === 'sample';
const stepsMax = 400;
const limitMs = 2 * 3600_000;
/** How many steps of each scenario a sample has. */
const sampleSizes: Record<Proof, number> = {
  'simulator killed': 1,
  'qemu killed': 1,
  'qemu power cut': 1,
  'killed on PostgreSQL': 1,
  'PostgreSQL crashed': 1,
};
/**
 * In a sample of all scenarios, each dies on one of the engines, and on the other one in every
 * second run or so. Its steps are compared with the record there, and on the simulator.
 */
const isOdd = Math.random() < 0.5;
const diesOn = (engine: number, scenario: number) =>
  !isSample || selection.scenario !== undefined || ((engine + scenario) % 2 === 1) === isOdd;
/** A sample of all scenarios cuts the power only in these, which sync most kinds of files. */
const powerSample = ['capture', 'compaction'];

const recorded = readRecorded();
const isChosen = <Part>(chosen: Part | undefined, one: Part) =>
  chosen === undefined || chosen === one;
const chosenScenarios: [string, Scenario][] = Object.entries(scenarios).filter(([name]) =>
  isChosen(selection.scenario, name),
);
const hasFault = (fault: Fault) => isChosen(selection.fault, fault);

/** Kills at the chosen steps of a scenario. Resolves to a line for the report. */
async function killAtSteps(
  name: string,
  proof: Proof,
  prepared: Prepared,
  means: Means = {},
  sampleSize = sampleSizes[proof],
): Promise<string> {
  const { step, steps } = await dieAt(prepared, 0, means);
  assert.equal(step, null);
  assert.ok(steps.length > 1 && steps.length < stepsMax, `${steps.length} steps`);
  const counts = recorded[name]?.[proof] ?? {};
  const wanted = chooseSteps(selection.steps, steps, counts, sampleSize);
  const note = (made: readonly string[]) =>
    record(Object.keys(scenarios), { name, proof, steps: made });
  let deaths = 0;
  for (const at of wanted) {
    const death = await dieAt(prepared, at, means).catch((error) => {
      throw new Error(`${proof} before step ${at} (${steps[at - 1]}): ${error.message}`, {
        cause: error,
      });
    });
    if (death.step !== null) deaths++;
    // A run that is ended goes on with --steps new.
    if (selection.steps === 'every') note(steps.slice(0, at));
  }
  // The work of its timers differs from run to run, so a server may finish before it comes to the
  // last step of the run before.
  if (deaths === 0 && wanted.length > 0 && (await dieAt(prepared, 1, means)).step !== null)
    deaths++;
  assert.ok(deaths > 0 || wanted.length === 0);
  if (isSample) assertRecorded(steps, counts);
  else note(steps);
  return `${deaths} deaths, ${steps.length} steps`;
}

function assertRecorded(steps: readonly string[], counts: Counts): void {
  const message =
    'steps that are not in steps.json: npm run crash:new kills at them and adds them (with -- --store postgres, for that store)';
  assert.deepEqual(unrecorded(steps, counts), [], message);
}

const hasStore = (store: StoreName) => isChosen(selection.store, store);

for (const [number, engine] of engineNames.entries()) {
  if (!hasStore('sqlite') || !hasFault('kill') || !isChosen(selection.engine, engine)) continue;
  describe(`a server on the ${engine} engine, killed before a step`, { concurrency: 2 }, () => {
    for (const [index, [name, scenario]] of chosenScenarios.entries()) {
      const dies = diesOn(number, index);
      // On real disks it takes too long to look at the steps alone.
      if (!dies && engine === 'qemu') continue;
      it(`of ${name}, loses nothing and leaves nothing`, { timeout: limitMs }, async (t) => {
        const prepared = await prepare(t, scenario, engine);
        const size = dies ? undefined : 0;
        t.diagnostic(await killAtSteps(name, `${engine} killed`, prepared, {}, size));
      });
    }
  });
}

if (hasStore('sqlite') && hasFault('power') && isChosen(selection.engine, 'qemu'))
  describe('a server on real disks, whose power is cut before a step', {
    skip: leftOutWithoutRoot,
  }, () => {
    for (const [name, scenario] of chosenScenarios) {
      const isLeftOut = isSample && selection.scenario === undefined && !powerSample.includes(name);
      if (isLeftOut) continue;
      it(`of ${name}, loses nothing that was acknowledged and leaves nothing`, {
        timeout: limitMs,
      }, async (t) => {
        const prepared = await prepare(t, scenario, 'qemu');
        const power = await cuttableDisk(t, 2048);
        t.diagnostic(await killAtSteps(name, 'qemu power cut', prepared, { power }));
      });
    }
  });

/**
 * A sample has one of the scenarios, another one in each run, because each death also waits for a
 * lease.
 */
function onPostgres(): [string, Scenario][] {
  if (!isSample || selection.scenario !== undefined) return chosenScenarios;
  const first = Math.floor(Math.random() * chosenScenarios.length);
  return chosenScenarios.slice(first, first + 1);
}

const onPostgresFaults = [
  { fault: 'kill', title: 'a server on PostgreSQL, killed', proof: 'killed on PostgreSQL' },
  { fault: 'database', title: 'a server whose PostgreSQL crashes', proof: 'PostgreSQL crashed' },
] as const;

for (const { fault, title, proof } of onPostgresFaults) {
  if (!hasStore('postgres') || !hasFault(fault) || !isChosen(selection.engine, 'simulator'))
    continue;
  const crash = fault === 'database';
  describe(`${title} before a step`, { concurrency: crash ? 1 : 2 }, () => {
    let server: PostgresServer;
    const suite: Scope = { after };
    // Registers the suite's cleanup now, because a hook cannot be added later.
    defer(suite, () => {});
    before(async () => {
      // Without the settings of the other tests, it syncs as it does by itself.
      server = await startPostgres(suite, []);
    });
    for (const [name, scenario] of onPostgres()) {
      it(`of ${name}, loses nothing and leaves nothing`, { timeout: limitMs }, async (t) => {
        const prepared = await prepare(t, scenario, 'simulator', server);
        t.diagnostic(await killAtSteps(name, proof, prepared, { crash }));
        if (prepared.place.database) await server.drop(prepared.place.database.url);
      });
    }
  });
}

describe('the scenarios', () => {
  it('cover every kind of job', () => {
    const done = new Set(Object.values(scenarios).flatMap((scenario) => scenario.does));
    assert.deepEqual([...done].sort(), [...jobKindNames, 'collect'].sort());
  });

  const skip = !isSample && 'this run records them';
  it('are recorded, with each proof of each', { skip }, () => {
    assert.deepEqual(Object.keys(recorded), Object.keys(scenarios));
    for (const [name, steps] of Object.entries(recorded))
      assert.deepEqual(Object.keys(steps), proofs, name);
  });

  it('stand in docs/reference/proofs.md with the numbers of their steps', { skip }, () => {
    const count = (times: Counts | undefined) =>
      Object.values(times ?? {}).reduce((sum, one) => sum + one, 0);
    const rows = Object.entries(recorded).map(
      ([name, steps]) => `| ${[name, ...proofs.map((proof) => count(steps[proof]))].join(' | ')} |`,
    );
    const page = new URL('../../docs/reference/proofs.md', import.meta.url);
    const reference = readFileSync(page, 'utf8');
    assert.deepEqual(
      rows.filter((row) => !reference.includes(row)),
      [],
    );
  });
});
