// How the server is asked for the things of each noun: by a text in their names, by an id, and for
// names that a mistyped one may stand for.

import type { Client } from '../../client/client.ts';
import { UsageError } from '../parse.ts';

export interface Named {
  id: number;
  name: string;
}

const perPage = 100;
const pagesMax = 20;

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
      ...(q !== '' && { q }),
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

const machines = (client: Client, q: string) =>
  search('machine', async (page) => {
    const answer = await client.machineList({ ...(q !== '' && { q }), page, per_page: perPage });
    return { items: answer.machines, more: answer.next_page !== null };
  });

const software = async (client: Client) => (await client.softwareList({})).software;
const bases = async (client: Client) => (await client.softwareList({})).base_images;
const machineTypes = async (client: Client) =>
  (await client.planList({})).plans.map(({ id, attributes: { name } }) => ({
    id: Number(id),
    name,
  }));

interface Noun {
  /** The command that lists them. */
  see: string;
  /** At least those whose names hold the text; all of them where there is no search. */
  find: (client: Client, q: string) => Promise<readonly Named[]>;
  /** Names of which a mistyped one may be. */
  near: (client: Client) => Promise<readonly Named[]>;
}

export const nouns = {
  image: {
    see: 'image list',
    find: (client, q) => images(client, q, false),
    near: (client) => newestImages(client, false),
  },
  'deleted image': {
    see: 'image list --deleted',
    find: (client, q) => images(client, q, true),
    near: (client) => newestImages(client, true),
  },
  machine: {
    see: 'machine list',
    find: machines,
    near: async (client) =>
      (await client.machineList({ per_page: perPage })).machines.map(
        ({ attributes }) => attributes,
      ),
  },
  software: { see: 'software list', find: software, near: software },
  'base image': { see: 'base list', find: bases, near: bases },
  'machine type': { see: 'machine-type list', find: machineTypes, near: machineTypes },
} as const satisfies Record<string, Noun>;

export type NounName = keyof typeof nouns;
