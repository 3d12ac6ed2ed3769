// A seeded source of random choices (mulberry32): the same seed makes the same choices.

import { randomBytes } from 'node:crypto';

export interface Random {
  /** A number from 0 to below 1. */
  next(): number;
  /** A whole number from 0 to below `most`. */
  below(most: number): number;
  /** One of the items; undefined when there are none. */
  one<Item>(items: readonly Item[]): Item | undefined;
}

export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    below: (most) => Math.floor(next() * most),
    one: (items) => items[Math.floor(next() * items.length)],
  };
}

/** A seed for a run; its test prints it. */
export const newSeed = (): number => randomBytes(2).readUInt16BE();
