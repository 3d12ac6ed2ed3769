// A real server, killed by SIGKILL, or by the end of its disk's power, before each step that
// changes something. `npm run crash` dies at every step and writes down in steps.json what it died
// at; here it is at some of each scenario, other ones in each run, and a step that is not written
// down fails. `npm run crash:new` dies at those alone: the steps that a change has added.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { jobKindNames } from '../../src/domain/job.ts';
import { cuttableDisk } from '../power.ts';
import { leftOutWithoutRoot } from '../support.ts';
import { dieAt, type Prepared, prepare } from './kill.ts';
import { type EngineName, scenarios } from './scenarios.ts';

/**
 * Which steps are died at: every one, the new ones, or some of them. Both long runs write down what
 * they died at.
 */
const which = process.env.SILVERSMITH_CRASH_STEPS;
const isLong = which === 'every' || which === 'new';
const stepsMax = 400;
const proofs = ['simulator killed', 'qemu killed', 'qemu power cut'] as const;
type Proof = (typeof proofs)[number];
/** How many deaths of each scenario a short run makes. */
const deaths: Record<Proof, number> = {
  'simulator killed': 2,
  'qemu killed': 1,
  'qemu power cut': 1,
};

/**
 * The steps of each scenario and how often each was made, where a server died before every one of
 * them.
 */
type Known = Record<string, Record<Proof, Record<string, number>>>;
const knownFile = new URL('./steps.json', import.meta.url);
const known = JSON.parse(readFileSync(knownFile, 'utf8')) as Known;

/**
 * What a server does by itself, at any moment: it looks at its host, its layers and what is over,
 * and notes that a key was used.
 */
const byItself =
  /^(commit|answer) (host|disk, host|layer|access_key|(disk, )?steady|access_link, disk, idempotency, image, operation, signature, steady)$/;

function writeDown(name: string, proof: Proof, steps: readonly string[]): void {
  const times: Record<string, number> = {};
  for (const step of steps) times[step] = (times[step] ?? 0) + 1;
  known[name] = { ...(known[name] as Known[string]), [proof]: times };
  const sorted = Object.fromEntries(Object.keys(scenarios).map((one) => [one, known[one]]));
  writeFileSync(knownFile, `${JSON.stringify(sorted, null, 2)}\n`);
}

/** All of them, those made more often than is written down, or some, spread over the whole. */
function chosen(steps: readonly string[], some: number, times: Record<string, number>): number[] {
  const count = steps.length;
  const all = Array.from({ length: count }, (_, index) => index + 1);
  if (which === 'new') {
    const left = { ...times };
    return all.filter((at) => {
      const step = steps[at - 1] ?? '';
      left[step] = (left[step] ?? 0) - 1;
      return left[step] < 0 && !byItself.test(step);
    });
  }
  if (which === 'every' || count <= some) return all;
  const stride = count / some;
  const offset = Math.random() * stride;
  return Array.from({ length: some }, (_, index) => 1 + Math.floor(offset + index * stride));
}

async function dieHereAndThere(
  name: string,
  proof: Proof,
  prepared: Prepared,
  power?: Awaited<ReturnType<typeof cuttableDisk>>,
): Promise<string> {
  const { step, steps } = await dieAt(prepared, 0, power);
  assert.equal(step, null);
  assert.ok(steps.length > 1 && steps.length < stepsMax, `${steps.length} steps`);
  const times = known[name]?.[proof] ?? {};
  if (!isLong) {
    const unknown = steps.filter((one) => times[one] === undefined && !byItself.test(one));
    assert.deepEqual(
      unknown,
      [],
      'steps at which no server has died yet: npm run crash:new lets it, and writes them down',
    );
  }
  let died = 0;
  const wanted = chosen(steps, deaths[proof], times);
  for (const at of wanted) {
    const death = await dieAt(prepared, at, power).catch((error) => {
      throw new Error(`${proof} before step ${at} (${steps[at - 1]}): ${error.message}`, {
        cause: error,
      });
    });
    if (death.step !== null) died++;
  }
  // What the server does by itself is not the same each time: it may come to its end before its
  // last step of last time.
  if (died === 0 && wanted.length > 0 && (await dieAt(prepared, 1, power)).step !== null) died++;
  assert.ok(died > 0 || wanted.length === 0);
  if (isLong) writeDown(name, proof, steps);
  return `${died} deaths, ${steps.length} steps`;
}

for (const engine of ['simulator', 'qemu'] as EngineName[]) {
  describe(`a server on the ${engine} engine, killed before a step`, { concurrency: 2 }, () => {
    for (const [name, scenario] of Object.entries(scenarios)) {
      it(`of ${name}, loses nothing and leaves nothing`, { timeout: 3600_000 }, async (t) => {
        t.diagnostic(
          await dieHereAndThere(name, `${engine} killed`, await prepare(t, scenario, engine)),
        );
      });
    }
  });
}

describe('a server on real disks, whose power is cut before a step', {
  skip: leftOutWithoutRoot,
}, () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    // Two scenarios show in each run what the long run shows for all.
    if (!isLong && !['capture', 'compaction'].includes(name)) continue;
    it(`of ${name}, loses nothing that was acknowledged and leaves nothing`, {
      timeout: 3600_000,
    }, async (t) => {
      const prepared = await prepare(t, scenario, 'qemu');
      t.diagnostic(
        await dieHereAndThere(name, 'qemu power cut', prepared, await cuttableDisk(t, 2048)),
      );
    });
  }
});

describe('the scenarios', () => {
  it('have every kind of job', () => {
    const done = new Set(Object.values(scenarios).flatMap((scenario) => scenario.does));
    assert.deepEqual([...done].sort(), [...jobKindNames, 'collect'].sort());
  });

  it('were died in at every step', { skip: isLong && 'the long run writes them down' }, () => {
    assert.deepEqual(Object.keys(known), Object.keys(scenarios));
    for (const [name, steps] of Object.entries(known))
      assert.deepEqual(Object.keys(steps), [...proofs], name);
  });

  it('stand in the reference with their numbers', {
    skip: isLong && 'the long run writes them down',
  }, () => {
    const count = (times: Record<string, number>) =>
      Object.values(times).reduce((sum, one) => sum + one, 0);
    const rows = Object.entries(known).map(
      ([name, steps]) => `| ${[name, ...proofs.map((proof) => count(steps[proof]))].join(' | ')} |`,
    );
    const reference = readFileSync(
      new URL('../../docs/reference/proofs.md', import.meta.url),
      'utf8',
    );
    assert.deepEqual(
      rows.filter((row) => !reference.includes(row)),
      [],
    );
  });
});
