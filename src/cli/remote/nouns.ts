// How the server is asked for the things of each noun: by a text in their names, by an id, and for
// names that a mistyped one may stand for.

import type { Client } from '../../client/client.ts';
import { everyItem } from '../../client/page.ts';
import { UsageError } from '../parse.ts';

export interface Named {
  id: number;
  name: string;
}

const perPage = 100;
const foundMax = 2000;

/** Reads all that the server finds for a text. */
async function search<Item extends { id: string; attributes: Named }>(
  what: string,
  ask: Parameters<typeof everyItem<Item>>[1],
): Promise<Named[]> {
  const found: Named[] = [];
  for await (const { attributes } of everyItem(perPage, ask)) {
    if (found.length >= foundMax)
      throw new UsageError(
        `More than ${foundMax} ${what}s have that text in their names; give the id.`,
      );
    found.push(attributes);
  }
  return found;
}

const images = (client: Client, q: string, deleted: boolean) =>
  search('image', async (place) => {
    const { images: items, ...rest } = await client.imageList({
      ...(q !== '' && { q }),
      ...place,
      per_page: perPage,
      ...(deleted && { deleted }),
    });
    return { items, ...rest };
  });

const newestImages = async (client: Client, deleted: boolean): Promise<Named[]> =>
  (await client.imageList({ per_page: perPage, ...(deleted && { deleted }) })).images.map(
    ({ attributes }) => attributes,
  );

const machines = (client: Client, q: string, deleted: boolean) =>
  search('machine', async (place) => {
    const only = { ...(q !== '' && { q }), ...(deleted && { deleted }) };
    const query = { ...only, ...place, per_page: perPage };
    const { machines: items, ...rest } = await client.machineList(query);
    return { items, ...rest };
  });

const newestMachines = async (client: Client, deleted: boolean): Promise<Named[]> =>
  (await client.machineList({ per_page: perPage, ...(deleted && { deleted }) })).machines.map(
    ({ attributes }) => attributes,
  );

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
    find: (client, q) => machines(client, q, false),
    near: (client) => newestMachines(client, false),
  },
  'deleted machine': {
    see: 'machine list --deleted',
    find: (client, q) => machines(client, q, true),
    near: (client) => newestMachines(client, true),
  },
  software: { see: 'software list', find: software, near: software },
  'base image': { see: 'base list', find: bases, near: bases },
  'machine type': { see: 'machine-type list', find: machineTypes, near: machineTypes },
} as const satisfies Record<string, Noun>;

export type NounName = keyof typeof nouns;
