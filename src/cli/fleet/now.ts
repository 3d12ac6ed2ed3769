// An organisation as it is: what a fleet file is compared with, and what one is written from.

import type { Client } from '../../client/client.ts';
import type { Image, Machine } from '../../client/types.ts';
import { UsageError } from '../parse.ts';

const perPage = 100;
/** More than a fleet file can declare by far. */
const pagesMax = 1000;

interface Named {
  id: number;
  name: string;
}

export interface Now {
  images: readonly Image['attributes'][];
  machines: readonly Machine['attributes'][];
  software: readonly Named[];
  bases: readonly Named[];
  /** `code` is what a machine shows as its type. */
  types: readonly (Named & { code: string; cpus: number; memoryMb: number; diskGb: number })[];
}

interface Page<Item> {
  items: readonly Item[];
  next: number | null;
}

async function all<Item extends { id: number }>(
  ask: (page: number) => Promise<Page<Item>>,
): Promise<Item[]> {
  const found = new Map<number, Item>();
  for (let page: number | null = 1, pages = 0; page !== null; pages++) {
    if (pages >= pagesMax) throw new UsageError('The organisation has more than a file declares.');
    const { items, next }: Page<Item> = await ask(page);
    for (const item of items) found.set(item.id, item);
    page = next;
  }
  return [...found.values()].sort((a, b) => a.id - b.id);
}

/** Without `extensions`, only what every server of the API answers is asked. */
export async function fleetState(client: Client, { extensions = true } = {}): Promise<Now> {
  const images = await all(async (page) => {
    const answer = await client.imageList({ page, per_page: perPage });
    return { items: answer.images.map((one) => one.attributes), next: answer.next_page };
  });
  const machines = await all(async (page) => {
    const answer = await client.machineList({ page, per_page: perPage });
    return { items: answer.machines.map((one) => one.attributes), next: answer.next_page };
  });
  const { software, base_images: bases } = await client.softwareList({});
  const plans = extensions ? (await client.planList({})).plans : [];
  const types = plans.map(({ id, attributes: one }) => ({
    ...{ id: Number(id), name: one.name, code: one.machine_type },
    ...{ cpus: one.cpus, memoryMb: one.memory_mb, diskGb: one.disk_size },
  }));
  return { images, machines, software, bases, types };
}
