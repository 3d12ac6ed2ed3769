// A setting as one row: its option, its variable, its parser, its default and its help. The help of
// a command, the parsing of values and the page of settings are all read from rows.

import { type Command, Option } from 'commander';
import type { Environment } from '../lib/environment.ts';
import { dataDirHelp } from '../lib/folders.ts';
import { type Parser, parsed, path } from './parse.ts';

interface Setting<Value, Default = Value> {
  /**
   * As commander takes it, such as `--port <number>`. A switch has no value, and its variable is 1
   * or 0. Null: the setting has no option, because the arguments of a process are seen by others.
   */
  option: string | null;
  /** One that others have named, such as OpenTelemetry's, keeps its name. */
  variable: `SILVERSMITH_${string}` | `OTEL_${string}`;
  /** Throws commander's InvalidArgumentError with a sentence about the valid values. */
  parse: Parser<Value>;
  /** The value where neither the option nor the variable is given. */
  default: Default;
  /** The default in words, for the help; without it the value itself is shown. */
  defaultSays?: string;
  help: string;
}

export type Settings = Readonly<Record<string, Setting<unknown, unknown>>>;

/** The options of rows as commander hands them over: a text, or true for a switch. */
export type FlagsOf<Rows extends Settings> = {
  [Key in keyof Rows]?:
    | (ReturnType<Rows[Key]['parse']> extends boolean ? boolean : string)
    | undefined;
};

type ValuesOf<Rows extends Settings> = {
  [Key in keyof Rows]: ReturnType<Rows[Key]['parse']> | Rows[Key]['default'];
};

/** The row as it is; for the types of its value and its default. */
export const setting = <Value, Default>(row: Setting<Value, Default>): Setting<Value, Default> =>
  row;

/** A number that is given in another unit than the one in which it is kept. */
export const inUnits = (unit: number, parse: Parser<number>, kept: number) => ({
  parse: (text: string) => parse(text) * unit,
  default: kept,
  defaultSays: String(kept / unit),
});

/** The default in words; null when there is none, or when a switch is off. */
export function defaultOf({ default: value, defaultSays }: Setting<unknown, unknown>) {
  if (defaultSays !== undefined) return defaultSays;
  return value === null || value === false ? null : String(value);
}

/** The option of a row; null for a row without one. */
export function optionOf(row: Setting<unknown, unknown>): Option | null {
  if (row.option === null) return null;
  const byDefault = defaultOf(row);
  const says = byDefault === null ? row.variable : `${row.variable}; default: ${byDefault}`;
  return new Option(row.option, `${row.help} (${says})`);
}

/** Gives a command the options of rows. */
export function addSettings(command: Command, rows: Settings): Command {
  for (const row of Object.values(rows)) {
    const option = optionOf(row);
    if (option !== null) command.addOption(option);
  }
  return command;
}

/** How the value was given: by the name of the option, or of the variable. */
export const givenAs = (row: Setting<unknown, unknown>, flag: unknown): string =>
  flag === undefined || row.option === null ? row.variable : (row.option.split(' ')[0] ?? '');

/**
 * The value of a row: the option overrides the variable, and the variable overrides the default.
 * Throws UsageError with the name of the wrong option or variable.
 */
function settingValue<Value, Default>(
  row: Setting<Value, Default>,
  flag: string | boolean | undefined,
  env: Environment,
): Value | Default {
  const text = flag === undefined ? env[row.variable] : String(flag);
  return text === undefined ? row.default : parsed(givenAs(row, flag), text, row.parse);
}

/** Returns the values of several rows. Throws UsageError for the first wrong value. */
export const settingValues = <Rows extends Settings>(
  rows: Rows,
  flags: FlagsOf<Rows>,
  env: Environment,
): ValuesOf<Rows> =>
  Object.fromEntries(
    Object.entries(rows).map(([key, row]) => [key, settingValue(row, flags[key], env)]),
  ) as ValuesOf<Rows>;

/**
 * The data directory: a setting of the server, of the operator's commands, and of the demo's user.
 */
export const dataDirSetting = setting({
  option: '--data-dir <folder>',
  variable: 'SILVERSMITH_DATA_DIR',
  parse: path,
  default: null,
  defaultSays: dataDirHelp,
  help: 'the data directory, where everything is kept',
});
