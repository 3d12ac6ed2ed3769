// Parsers of options and variables. Each throws commander's InvalidArgumentError with a sentence
// about the valid values; commander, or `parsed` here, puts the name of the option or variable and
// its text before that sentence.

import { InvalidArgumentError } from 'commander';
import { keyPattern } from '../contract/signing.ts';
import { nameFault, unseen, unseenIn } from '../lib/plain-text.ts';
import type { ExitKind } from './exit.ts';

/**
 * An error that the user can do something about: its message is printed alone. `kind` chooses the
 * exit status.
 */
export class UsageError extends Error {
  readonly kind: ExitKind;
  constructor(message: string, kind: ExitKind = 'usage') {
    super(message);
    this.kind = kind;
  }
}

export type Parser<Value> = (text: string) => Value;

/** Throws the sentence before which commander, or `parsed`, puts the name of the option. */
export const refuse = (say: string): never => {
  throw new InvalidArgumentError(say);
};

/** A whole number in decimal digits, bounds included. */
export const whole =
  (least: number, most = Number.MAX_SAFE_INTEGER): Parser<number> =>
  (text) => {
    const value = Number(text);
    const fits = /^\d+$/.test(text) && value >= least && value <= most;
    const upTo = most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`;
    return fits ? value : refuse(`Give a whole number from ${least}${upTo}.`);
  };

/** A number in decimal notation; `above` excludes the least. */
export const decimal =
  (least: number, most: number, { above = false } = {}): Parser<number> =>
  (text) => {
    const value = Number(text);
    const fits =
      /^\d+(\.\d+)?$/.test(text) && (above ? value > least : value >= least) && value <= most;
    return fits
      ? value
      : refuse(`Give a number ${above ? `above ${least} and up` : `from ${least}`} to ${most}.`);
  };

/**
 * A text of at most so many characters that is not blank, and that a terminal shows as it is. A
 * text for a search may also begin or end with a space.
 */
export const words =
  (most: number, { search = false } = {}): Parser<string> =>
  (text) => {
    if (text.trim() === '' || [...text].length > most)
      return refuse(`Give 1 to ${most} characters.`);
    const fault = search ? unseenIn(text) : nameFault(text);
    return fault === null ? text : refuse(`It ${fault}; remove that.`);
  };

const shownMax = 100;

/** The text without the passwords that an address in it may have. */
const masked = (text: string) =>
  text.replace(/(:\/\/[^:/@]*:).*@/s, '$1…@').replaceAll(/(password=)[^&\s]*/gi, '$1…');

/**
 * A text as a message shows it: quoted, escaped, without passwords, and cut off when it is long.
 */
const quoted = (given: string): string => {
  const text = masked(given);
  const short = [...text].length > shownMax ? `${[...text].slice(0, shownMax).join('')}…` : text;
  return JSON.stringify(short).replaceAll(unseen, '?');
};

export const oneOf =
  <const Value extends string>(...values: readonly Value[]): Parser<Value> =>
  (text) =>
    values.find((value) => value === text) ??
    refuse(`Give ${values.slice(0, -1).join(', ')} or ${values.at(-1)}.`);

export const path: Parser<string> = (text) =>
  text === '' ? refuse('Give the path of a file or folder.') : text;

/** A variable that is on or off. */
export const yesOrNo: Parser<boolean> = (text) =>
  /^(1|true)$/.test(text) || (/^(0|false)$/.test(text) ? false : refuse('Give 1 or 0.'));

const unitsMs = { s: 1000, m: 60_000, h: 3600_000, d: 24 * 3600_000 };

/**
 * A duration such as 90s, 15m, 24h or 30d, in ms; a bare number counts seconds when `bare` says so.
 */
export const duration =
  (least: string, most: string, { bare = false } = {}): Parser<number> =>
  (text) => {
    const ms = msOf(bare && /^\d+$/.test(text) ? `${text}s` : text);
    const fits = ms !== null && ms >= (msOf(least) ?? 0) && ms <= (msOf(most) ?? 0);
    return fits
      ? ms
      : refuse(`Give a duration such as 30s, 15m, 12h or 30d, from ${least} to ${most}.`);
  };

function msOf(text: string): number | null {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  return unit === undefined ? null : Number(amount) * unitsMs[unit as keyof typeof unitsMs];
}

export const accessKey: Parser<string> = (text) =>
  keyPattern.test(text)
    ? text
    : refuse(
        'Give a key as key create prints it, without spaces: 8 to 64 letters, digits, _ and -.',
      );

export const profileName: Parser<string> = (text) =>
  /^[\w.-]{1,64}$/.test(text)
    ? text
    : refuse('Give a name of 1 to 64 letters, digits, dots, _ and -.');

/**
 * Parses a text that commander does not parse itself; undefined stays undefined. Throws UsageError
 * with the name and the text.
 */
export function parsed<Value>(name: string, text: string, parse: Parser<Value>): Value;
export function parsed<Value>(
  name: string,
  text: string | undefined,
  parse: Parser<Value>,
): Value | undefined;
export function parsed<Value>(
  name: string,
  text: string | undefined,
  parse: Parser<Value>,
): Value | undefined {
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new UsageError(`${name} is ${quoted(text)}. ${error.message}`);
  }
}
