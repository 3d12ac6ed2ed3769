// The record of steps (steps.json), and the choice of the steps before which a run kills a server.

import { readFileSync, writeFileSync } from 'node:fs';

export const proofs = [
  'simulator killed',
  'qemu killed',
  'qemu power cut',
  'killed on PostgreSQL',
  'PostgreSQL crashed',
] as const;
export type Proof = (typeof proofs)[number];

/** How often each step was made, by its name. */
export type Counts = Record<string, number>;

/**
 * By scenario and proof: the steps before every one of which a server, or its database, has died. A
 * proof is missing until it was made.
 */
export type Recorded = Record<string, Partial<Record<Proof, Counts>>>;

/** The steps that a run kills at: all, those that are not recorded, or those and a sample. */
export const choices = ['every', 'new', 'sample'] as const;
export type Choice = (typeof choices)[number];

const file = new URL('./steps.json', import.meta.url);

/** A run in `sample` kills at no more new steps than this; `new` kills at all of them. */
const newInSampleMax = 8;

export const readRecorded = (): Recorded => JSON.parse(readFileSync(file, 'utf8')) as Recorded;

/**
 * Writes the steps of one proof into the file, with the scenarios in the order of `names`. It reads
 * the file anew, because another run may have written to it since this one began.
 */
export function record(
  names: readonly string[],
  { name, proof, steps }: { name: string; proof: Proof; steps: readonly string[] },
): void {
  const recorded = readRecorded();
  const all = { ...recorded[name], [proof]: countOf(steps) };
  recorded[name] = Object.fromEntries(
    proofs.filter((one) => all[one] !== undefined).map((one) => [one, all[one]]),
  );
  const sorted = Object.fromEntries(names.map((one) => [one, recorded[one]]));
  writeFileSync(file, `${JSON.stringify(sorted, null, 2)}\n`);
}

function countOf(steps: readonly string[]): Counts {
  const counts: Counts = {};
  for (const step of steps) counts[step] = (counts[step] ?? 0) + 1;
  return counts;
}

/**
 * The tables of transactions that a server commits on its own timers: it measures its host,
 * verifies layers, looks for orphans, removes expired things, leases its tasks, lists packages, and
 * notes how guests live and that a key was used. They come at any moment, so they are never called
 * new.
 */
const timerTables = [
  'host',
  'disk',
  'layer',
  'layer_copy',
  'lease',
  'machine',
  'access_key',
  'orphan',
  'steady',
  'disk, steady',
  'package_list',
  'access_link, disk, idempotency, image, job, signature, steady',
];
/** The reading of packages is work of a timer too, with a process of its own. */
const byTimer = new RegExp(`^(?:(commit|answer) (${timerTables.join('|')})|spawn reader\\.ts)$`);

/** The names of steps that are not recorded. */
export const unrecorded = (steps: readonly string[], counts: Counts): string[] =>
  steps.filter((step) => counts[step] === undefined && !byTimer.test(step));

/**
 * The numbers of the steps to kill at; the first step has number 1.
 *
 * - `every`: all.
 * - `new`: the steps whose name is not recorded, and those made more often than is recorded.
 * - `sample`: the first of the steps whose name is not recorded, and `sampleSize` others, spread
 *   over the whole; a random offset makes each run take different steps.
 */
export function chooseSteps(
  choice: Choice,
  steps: readonly string[],
  counts: Counts,
  sampleSize: number,
): number[] {
  const all = steps.map((_, index) => index + 1);
  if (choice === 'every') return all;
  if (choice === 'new') {
    const left = { ...counts };
    return all.filter((at) => {
      const step = steps[at - 1] ?? '';
      left[step] = (left[step] ?? 0) - 1;
      return left[step] < 0 && !byTimer.test(step);
    });
  }
  const names = new Set(unrecorded(steps, counts));
  const added = all.filter((at) => names.has(steps[at - 1] ?? '')).slice(0, newInSampleMax);
  return [...new Set([...added, ...sampleOf(all, sampleSize)])];
}

function sampleOf(all: readonly number[], size: number): number[] {
  if (all.length <= size) return [...all];
  const stride = all.length / size;
  const offset = Math.random() * stride;
  return Array.from({ length: size }, (_, index) => 1 + Math.floor(offset + index * stride));
}
