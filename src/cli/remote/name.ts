// Finds the thing that a person means by an id or a name. Digits alone are an id; anything else is
// an exact name, which only one thing may have.

import type { Client } from '../../client/client.ts';
import { UsageError } from '../parse.ts';
import { didYouMean } from '../similar.ts';

export interface Named {
  id: number;
  name: string;
}

const perPage = 100;
const pagesMax = 20;
/** The longest text that the server searches for; no name is longer. */
const nameLengthMax = 200;

type Page = { items: readonly { attributes: Named }[]; more: boolean };

/** Reads all pages that the server finds for a text. */
async function search(what: string, ask: (page: number) => Promise<Page>): Promise<Named[]> {
  const found = new Map<number, Named>();
  for (let page = 1; page <= pagesMax; page++) {
    const { items, more } = await ask(page);
    for (const { attributes } of items) found.set(attributes.id, attributes);
    if (!more) return [...found.values()];
  }
  throw new UsageError(
    `More than ${perPage * pagesMax} ${what}s have that text in their names; give the id.`,
  );
}

const images = (client: Client, q: string, deleted: boolean) =>
  search('image', async (page) => {
    const answer = await client.imageList({
      q,
      page,
      per_page: perPage,
      ...(deleted && { deleted }),
    });
    return { items: answer.images, more: answer.next_page !== null };
  });

const newestImages = async (client: Client, deleted: boolean): Promise<Named[]> =>
  (await client.imageList({ per_page: perPage, ...(deleted && { deleted }) })).images.map(
    ({ attributes }) => attributes,
  );
const software = async (client: Client) => (await client.softwareList({})).software;
const bases = async (client: Client) => (await client.softwareList({})).base_images;
const machineTypes = async (client: Client) =>
  (await client.planList({})).plans.map(({ id, attributes: { name } }) => ({
    id: Number(id),
    name,
  }));

const nouns = {
  image: {
    see: 'image list',
    find: (client: Client, q: string) => images(client, q, false),
    near: (client: Client) => newestImages(client, false),
  },
  'deleted image': {
    see: 'image list --deleted',
    find: (client: Client, q: string) => images(client, q, true),
    near: (client: Client) => newestImages(client, true),
  },
  machine: {
    see: 'machine list',
    find: (client: Client, q: string) =>
      search('machine', async (page) => {
        const answer = await client.machineList({ q, page, per_page: perPage });
        return { items: answer.machines, more: answer.next_page !== null };
      }),
    near: async (client: Client) =>
      (await client.machineList({ per_page: perPage })).machines.map(
        ({ attributes }) => attributes,
      ),
  },
  software: {
    see: 'software list',
    find: software,
    near: software,
  },
  'base image': {
    see: 'base list',
    find: bases,
    near: bases,
  },
  'machine type': {
    see: 'machine-type list',
    find: machineTypes,
    near: machineTypes,
  },
};

export type Noun = keyof typeof nouns;

/**
 * The id that was given, or the id of the thing in the list that has the name. Throws UsageError
 * when nothing has the name, and when several things have it. `near` has the names of which a
 * mistyped one may be.
 */
export async function pick<Id extends number>(
  noun: Noun,
  text: string,
  list: () => Promise<readonly { id: Id; name: string }[]>,
  near: () => Promise<readonly { name: string }[]> = list,
): Promise<Id> {
  if (/^\d+$/.test(text)) {
    const id = Number(text);
    if (Number.isSafeInteger(id) && id > 0) return id as Id;
    throw new UsageError(
      `${JSON.stringify(text)} is not an id; give a whole number from 1, or a name.`,
    );
  }
  const { see } = nouns[noun];
  if (text.trim() === '')
    throw new UsageError(`Give the id or the name of the ${noun}; see: silversmith ${see}`);
  const [first, ...others] = (await list()).filter(({ name }) => name === text);
  if (!first) {
    const names = (await near()).map(({ name }) => name);
    throw new UsageError(
      `There is no ${noun} named ${JSON.stringify(text)}.${didYouMean(text, names)} See: silversmith ${see}`,
      'not_found',
    );
  }
  if (others.length === 0) return first.id;
  const ids = [first, ...others].map(({ id }) => id).sort((a, b) => a - b);
  const shown = ids.slice(0, 10).join(', ') + (ids.length > 10 ? ', …' : '');
  throw new UsageError(
    `${ids.length} ${noun}s are named ${JSON.stringify(text)}: ids ${shown}; give the id of one.`,
  );
}

export const idOf = (client: Client, noun: Noun, text: string): Promise<number> =>
  pick(
    noun,
    text,
    async () => (text.length > nameLengthMax ? [] : nouns[noun].find(client, text)),
    () => nouns[noun].near(client),
  );

/** Like `idOf`, for several things; one word may hold several ids, divided by commas. */
export async function idsOf(
  client: Client,
  noun: Noun,
  texts: readonly string[],
): Promise<number[]> {
  const ids: number[] = [];
  for (const text of texts.flatMap((one) => (/^\d+(,\d+)+$/.test(one) ? one.split(',') : [one])))
    ids.push(await idOf(client, noun, text));
  return ids;
}
