// The log of an image: what each step of its build printed, in an answer of bounded size.

import type { ImageId } from '../domain/ids.ts';
import type { BuildStep } from '../domain/image.ts';
import type { ReadContext } from './context.ts';

/** The most characters of all outputs in one answer. Who wants more follows the log. */
const outputCharsMax = 1024 * 1024;

/**
 * How much of each of several texts is kept, so that together they are not longer than `most`: all
 * of a short one, and the same of each long one.
 */
export function sharesOf(lengths: readonly number[], most: number): number[] {
  const shares = lengths.map(() => 0);
  let left = most;
  const shortestFirst = [...lengths.entries()].sort(([, a], [, b]) => a - b);
  for (const [rank, [at, length]] of shortestFirst.entries()) {
    const share = Math.min(length, Math.floor(left / (lengths.length - rank)));
    shares[at] = share;
    left -= share;
  }
  return shares;
}

/** A step that runs, with the end of what it has printed so far. */
interface RunningStep {
  /** Null for the generalisation of a capture. */
  position: number | null;
  name: string;
  output: string;
}

/**
 * The log's newest events, each of at most 8 KB, that are looked at for what a step has printed.
 */
const logsMax = 32;

async function runningStep(
  { work }: ReadContext,
  id: ImageId,
  done: readonly { position: number }[],
): Promise<RunningStep | null> {
  const logs = (await work.events.lastLogs(id, logsMax)).map(({ facts }) => facts);
  const { position = null, software: name = '', cache } = logs.at(-1) ?? {};
  const isDone = cache !== undefined || done.some((step) => step.position === position);
  if (logs.length === 0 || isDone) return null;
  const lines = logs
    .filter((facts) => (facts.position ?? null) === position)
    .flatMap((facts) => facts.lines ?? []);
  return { position, name, output: lines.map((line) => `${line}\n`).join('') };
}

/** The steps with their outputs; of outputs that are too long together, the ends. */
export async function imageLog(
  context: ReadContext,
  id: ImageId,
): Promise<{
  steps: (BuildStep & { name: string })[];
  running: RunningStep | null;
  report: string | null;
}> {
  const { work } = context;
  const { report, status } = await work.images.get(id);
  const listed = await work.images.steps(id);
  const shares = sharesOf(
    listed.map(({ outputChars }) => outputChars),
    outputCharsMax,
  );
  const steps: (BuildStep & { name: string })[] = [];
  for (const [at, { outputChars, ...step }] of listed.entries()) {
    const share = shares[at] ?? 0;
    const left = outputChars - share;
    const note = left === 0 ? '' : `… ${left} characters left out; follow the log to see them …\n`;
    const end = await work.images.stepOutput(id, step.position, left, share);
    steps.push({ ...step, output: note + end });
  }
  const running = status === 'building' ? await runningStep(context, id, listed) : null;
  return { steps, running, report };
}
