// How builds end, in words that every engine shares.

import { type AppError, failedForGood } from '../domain/error.ts';
import type { BuildSpec } from './port/builds.ts';

/** The most reboots of one recipe. */
export const rebootsMax = 8;

/** The line between the outputs before and after a reboot that a recipe asked for. */
export const rebootLine = ({ recipe }: BuildSpec): string =>
  `… a reboot, as the script asked for with exit status ${recipe.rebootStatus} …`;

export const tooManyReboots = ({ label, recipe }: BuildSpec, output: string): AppError =>
  failedForGood(
    `${label} asked for more than ${rebootsMax} reboots (exit status ${recipe.rebootStatus}).${lastLines(output)}`,
    { output },
  );

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
