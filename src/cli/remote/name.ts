// Finds the thing that a person means by an id or a name. Digits alone are an id; anything else is
// an exact name, which only one thing may have.

import type { Client } from '../../client/client.ts';
import { UsageError } from '../parse.ts';
import { didYouMean } from '../similar.ts';
import { type Named, type NounName, nouns } from './nouns.ts';

export type { Named } from './nouns.ts';

/** The longest text that the server searches for; no name is longer. */
const nameLengthMax = 200;

/** Parses an id. Throws UsageError for 0 and for a number that JSON does not hold. */
export function idIn(digits: string): number {
  const id = Number(digits);
  if (Number.isSafeInteger(id) && id > 0) return id;
  throw new UsageError(
    `${JSON.stringify(digits)} is not an id; give a whole number from 1, or a name.`,
  );
}

/** A thing with a name; one of the catalogue may have a version in its name. */
interface Nameable<Id extends number> {
  id: Id;
  name: string;
  version?: string | null;
  retiredAt?: number | null;
}

/** The newest version of a name, of those that are offered where there are such. */
function newestOf<Id extends number>(text: string, list: readonly Nameable<Id>[]) {
  const versions = list.filter(({ name, version }) => version && name === `${text} ${version}`);
  const offered = versions.filter(({ retiredAt = null }) => retiredAt === null);
  return (offered.length > 0 ? offered : versions).toSorted((a, b) => b.id - a.id).slice(0, 1);
}

/**
 * The one thing of the list that has the name, or the newest version of that name. Throws
 * UsageError when nothing has it, and when several things have it. `near` has the names of which a
 * mistyped one may be.
 */
async function theOne<Id extends number>(
  noun: NounName,
  text: string,
  list: readonly Nameable<Id>[],
  near: () => Promise<readonly { name: string }[]>,
): Promise<{ id: Id; name: string }> {
  const { see } = nouns[noun];
  const exact = list.filter(({ name }) => name === text);
  const [first, ...others] = exact.length > 0 ? exact : newestOf(text, list);
  if (!first) {
    const names = (await near()).map(({ name }) => name);
    throw new UsageError(
      `There is no ${noun} named ${JSON.stringify(text)}.${didYouMean(text, names)} See: silversmith ${see}`,
      'not_found',
    );
  }
  if (others.length === 0) return first;
  const ids = [first, ...others].map(({ id }) => id).sort((a, b) => a - b);
  const shown = ids.slice(0, 10).join(', ') + (ids.length > 10 ? ', …' : '');
  throw new UsageError(
    `${ids.length} ${noun}s are named ${JSON.stringify(text)}: ids ${shown}; give the id of one.`,
  );
}

/** The id that was given, or the id of the thing in the list that has the name. */
export async function pick<Id extends number>(
  noun: NounName,
  text: string,
  list: () => Promise<readonly Nameable<Id>[]>,
): Promise<Id> {
  if (/^\d+$/.test(text)) return idIn(text) as Id;
  if (text.trim() === '')
    throw new UsageError(
      `Give the id or the name of the ${noun}; see: silversmith ${nouns[noun].see}`,
    );
  return (await theOne(noun, text, await list(), list)).id;
}

/** The thing that has exactly the name. Throws UsageError like `pick`. */
export async function named(client: Client, noun: NounName, text: string): Promise<Named> {
  const { find, near, see } = nouns[noun];
  if (text.trim() === '')
    throw new UsageError(`Give the id or the name of the ${noun}; see: silversmith ${see}`);
  const found = text.length > nameLengthMax ? [] : await find(client, text);
  return theOne<number>(noun, text, found, () => near(client));
}

export const idOf = async (client: Client, noun: NounName, text: string): Promise<number> =>
  /^\d+$/.test(text) ? idIn(text) : (await named(client, noun, text)).id;

/** Like `idOf`, for several things; one word may hold several ids, divided by commas. */
export async function idsOf(
  client: Client,
  noun: NounName,
  texts: readonly string[],
): Promise<number[]> {
  const ids: number[] = [];
  for (const text of texts.flatMap((one) => (/^\d+(,\d+)+$/.test(one) ? one.split(',') : [one])))
    ids.push(await idOf(client, noun, text));
  return ids;
}
