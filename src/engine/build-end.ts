// How builds run to their end, in steps and words that every engine shares.

import { type AppError, failedForGood } from '../domain/error.ts';
import type { BuildSpec } from './port/builds.ts';

/** The most reboots of one recipe. */
const rebootsMax = 8;

/** The result of one start of a build machine. */
interface Boot {
  /** Of the recipe; null when it did not end. */
  exitCode: number | null;
  output: string;
  /** Why it was ended; null or left out when it ended by itself. */
  ended?: string | null;
}

/**
 * Runs a recipe, and again as often as it asks for a reboot, within its limit of time. Resolves to
 * the last start, with the output of all. `run` starts the machine; `boot` counts the starts from
 * 1, and `leftMs` says how much of the limit is left.
 */
export async function runBoots<Last extends Boot>(
  { recipe, label }: BuildSpec,
  run: (start: { boot: number; leftMs: () => number }) => Promise<Last>,
): Promise<Last> {
  const { rebootStatus, timeoutMs } = recipe;
  const end = performance.now() + timeoutMs;
  const leftMs = () => Math.max(1, end - performance.now());
  let before = '';
  for (let boot = 1; ; boot++) {
    const last = await run({ boot, leftMs });
    const output = before + last.output;
    const isEnded = (last.ended ?? null) !== null;
    if (last.exitCode !== rebootStatus || isEnded) return { ...last, output };
    if (boot > rebootsMax)
      throw failedForGood(
        `${label} asked for more than ${rebootsMax} reboots (exit status ${rebootStatus}).${lastLines(output)}`,
        { output },
      );
    before = `${output.trimEnd()}\n… a reboot, as the script asked for with exit status ${rebootStatus} …\n`;
  }
}

/** `kills`: how many processes the guest's kernel ended because its memory was full. */
export const outOfMemory = (label: string, kills: number, output: string): AppError =>
  failedForGood(
    `${label} ran out of memory: the kernel of its build machine ended ${kills} of its processes. Give it more (silversmith software update --memory).${lastLines(output)}`,
    { output },
  );

export function lastLines(output: string): string {
  const lines = output.trimEnd().split('\n').slice(-5).join('\n');
  return lines === '' ? '' : ` Its last lines:\n${lines}`;
}
