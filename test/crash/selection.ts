// Which part of the crash proof a run makes. main.ts reads it from the command line and hands it to
// kill.test.ts in one environment variable, since node --test passes no arguments to a test file.

import { type StoreName, storeNames } from './place.ts';
import { type EngineName, engineNames } from './scenario.ts';
import { type Choice, choices } from './steps.ts';

export const faults = ['kill', 'power', 'database'] as const;
export type Fault = (typeof faults)[number];

/** A part that is undefined means all of its kind. */
export interface Selection {
  scenario?: string;
  store?: StoreName;
  engine?: EngineName;
  fault?: Fault;
  steps: Choice;
}

/** The typed arguments, before they are checked. */
export type Typed = { [Part in keyof Selection]?: string | undefined };

const variable = 'SILVERSMITH_CRASH';

/** The selection of this process: from main.ts, or a sample of everything for `npm test`. */
export const selectionFrom = (env: Record<string, string | undefined>): Selection =>
  JSON.parse(env[variable] ?? '{"steps":"sample"}') as Selection;

export const toEnvironment = (selection: Selection): Record<string, string> => ({
  [variable]: JSON.stringify(selection),
});

/**
 * Checks the typed arguments. The beginning of a scenario's name is enough when no other name
 * begins with it. Throws RangeError, which says what to type instead.
 */
export function parseSelection(typed: Typed, scenarios: readonly string[]): Selection {
  const engine = oneOf('--engine', engineNames, typed.engine);
  const fault = oneOf('--fault', faults, typed.fault);
  if (fault === 'power' && engine === 'simulator')
    throw new RangeError(
      'The simulator keeps no disks, so it has no power to cut. Take --engine qemu.',
    );
  const store = oneOf('--store', storeNames, typed.store) ?? 'sqlite';
  if (store === 'postgres' && (engine === 'qemu' || fault === 'power'))
    throw new RangeError(
      'On PostgreSQL the engine is the simulator, and the fault is kill or database.',
    );
  if (fault === 'database' && store === 'sqlite')
    throw new RangeError('SQLite has no server that could crash. Take --store postgres.');
  const scenario = typed.scenario === undefined ? undefined : named(typed.scenario, scenarios);
  return {
    ...(scenario !== undefined && { scenario }),
    store,
    ...(engine !== undefined && { engine }),
    ...(fault !== undefined && { fault }),
    steps: oneOf('--steps', choices, typed.steps) ?? 'every',
  };
}

function named(text: string, scenarios: readonly string[]): string {
  const found = scenarios.filter((name) => name.startsWith(text));
  const [first] = found.includes(text) ? [text] : found;
  if (first !== undefined && (first === text || found.length === 1)) return first;
  const why = found.length === 0 ? 'No scenario is named' : 'Several scenarios begin with';
  throw new RangeError(`${why} ${text}. There are: ${scenarios.join('; ')}.`);
}

function oneOf<Name extends string>(
  option: string,
  names: readonly Name[],
  text: string | undefined,
): Name | undefined {
  if (text === undefined) return undefined;
  const found = names.find((name) => name === text);
  if (found === undefined)
    throw new RangeError(`${option} is one of: ${names.join(', ')}. It was: ${text}`);
  return found;
}
