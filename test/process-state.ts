// Whether a process of any parent runs.

import { readFileSync } from 'node:fs';

/**
 * False also for a process that has ended and keeps its number only until its parent asks for its
 * status.
 */
export function isAlive(pid: number): boolean {
  try {
    // The state follows the name, which is in brackets and may have any characters.
    const state = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.[0];
    return state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}
