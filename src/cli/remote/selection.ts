// Several things in the words of a command: ids, ranges such as 3-7, exact names, patterns such as
// "render*", and names from a file or standard input. Each thing is looked up before work begins
// with the first, so that a command with an unknown or ambiguous word changes nothing.

import { createReadStream } from 'node:fs';
import { type Command, Option } from 'commander';
import type { Client } from '../../client/client.ts';
import { readableFile } from '../file.ts';
import { UsageError } from '../parse.ts';
import { allOf } from './each.ts';
import { idIn, type Named, named } from './name.ts';
import { nouns } from './nouns.ts';

/** As many things as one command takes; the API assigns to as many in one request. */
const thingsMax = 1000;
const listBytesMax = 1024 * 1024;

type Noun = 'image' | 'deleted image' | 'machine' | 'deleted machine';

export interface Selecting {
  from?: string;
}

export interface Selection {
  things: Named[];
  /** Whether it was one word, an id or a name, that stands for exactly one thing. */
  isSingle: boolean;
}

/** How the words of such a command are described. */
const severalHelp = `ids, ranges (3-7), names, patterns ("render*"); at most ${thingsMax}`;

export const fromOption = () =>
  new Option('--from <file>', 'more of them from a file, one a line; - is standard input');

/** Gives the argument of a command its description, and the command the option --from. */
export const several = (command: Command, argument: string): Command =>
  command.argument(argument, severalHelp).addOption(fromOption());

const tooMany = () =>
  new UsageError(`A command takes at most ${thingsMax} things; divide them among several.`);

async function linesFrom(file: string): Promise<string[]> {
  if (file !== '-') await readableFile('--from', file);
  else if (process.stdin.isTTY)
    throw new UsageError('Standard input is a terminal; send names into it, one a line.');
  const stream = file === '-' ? process.stdin : createReadStream(file);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes > listBytesMax)
      throw new UsageError(`The list of names is longer than ${listBytesMax} bytes; shorten it.`);
    chunks.push(part);
  }
  return Buffer.concat(chunks)
    .toString()
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '');
}

const rangesPattern = /^\d+(-\d+)?(,\d+(-\d+)?)*$/;

function idsIn(word: string): number[] {
  const ids: number[] = [];
  for (const part of word.split(',')) {
    const [first = '', last = first] = part.split('-');
    const [from, to] = [idIn(first), idIn(last)];
    if (to < from) throw new UsageError(`${part} is an empty range; give the smaller id first.`);
    if (ids.length + to - from >= thingsMax) throw tooMany();
    for (let id = from; id <= to; id++) ids.push(id);
  }
  return ids;
}

/**
 * Whether a name is like the pattern: * is any text, ? one character. It goes back to the last *
 * only, so that it takes no longer than the product of both lengths.
 */
export function isLike(name: string, pattern: string): boolean {
  const [text, wanted] = [[...name], [...pattern]];
  let [at, next, star, from] = [0, 0, -1, 0];
  while (at < text.length) {
    if (wanted[next] === '*') [star, from, next] = [next, at, next + 1];
    else if (wanted[next] === '?' || wanted[next] === text[at]) [at, next] = [at + 1, next + 1];
    else if (star >= 0) [from, at, next] = [from + 1, from + 1, star + 1];
    else return false;
  }
  return wanted.slice(next).every((one) => one === '*');
}

async function matching(client: Client, noun: Noun, pattern: string): Promise<readonly Named[]> {
  const literal = pattern.split(/[*?]/).reduce((a, b) => (b.length > a.length ? b : a), '');
  const found = await nouns[noun].find(client, literal);
  const exact = found.filter(({ name }) => name === pattern);
  if (exact.length > 0) return [await named(client, noun, pattern)];
  const all = found.filter(({ name }) => isLike(name, pattern));
  if (all.length === 0)
    throw new UsageError(
      `No ${noun} has a name like ${JSON.stringify(pattern)}; see: silversmith ${nouns[noun].see}`,
      'not_found',
    );
  return all;
}

/** Asks for each id, so that an unknown one is found before work begins. */
async function withNames(client: Client, noun: Noun, ids: readonly number[]): Promise<Named[]> {
  if (noun === 'deleted image' || noun === 'deleted machine') {
    const deleted = new Map((await nouns[noun].find(client, '')).map((one) => [one.id, one]));
    return ids.map((id) => {
      const found = deleted.get(id);
      if (found) return found;
      throw new UsageError(
        `There is no ${noun} ${id}; see: silversmith ${nouns[noun].see}`,
        'not_found',
      );
    });
  }
  const get = (id: number) =>
    noun === 'image' ? client.imageGet({ id }) : client.machineGet({ id });
  return allOf(ids, async (id) => (await get(id)).attributes);
}

/**
 * Looks up all things that the words stand for, each once. Throws UsageError or ApiError for the
 * first word that stands for none or for too many.
 */
export async function select(
  client: Client,
  noun: Noun,
  words: readonly string[],
  { from }: Selecting = {},
): Promise<Selection> {
  const files = [...words.filter((word) => word === '-'), ...(from === undefined ? [] : [from])];
  if (files.filter((file) => file === '-').length > 1)
    throw new UsageError('Standard input can be read once; name it once.');
  const typed = words.filter((word) => word !== '-');
  for (const file of files) typed.push(...(await linesFrom(file)));
  if (typed.length === 0)
    throw new UsageError(
      `Give the id or the name of the ${noun}; see: silversmith ${nouns[noun].see}`,
    );
  if (typed.length > thingsMax) throw tooMany();
  const isId = (word: string) => rangesPattern.test(word);
  const ids = typed.filter(isId).flatMap(idsIn);
  if (ids.length > thingsMax) throw tooMany();
  const found = await withNames(client, noun, [...new Set(ids)]);
  const others = await allOf([...new Set(typed.filter((word) => !isId(word)))], async (word) =>
    /[*?]/.test(word) ? matching(client, noun, word) : [await named(client, noun, word)],
  );
  const things = new Map([...found, ...others.flat()].map(({ id, name }) => [id, { id, name }]));
  if (things.size > thingsMax) throw tooMany();
  const [first = ''] = typed;
  const isSingle = files.length === 0 && typed.length === 1 && !/[*?]|^\d+[-,]/.test(first);
  return { things: [...things.values()], isSingle };
}
