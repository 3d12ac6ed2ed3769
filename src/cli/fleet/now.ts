// An organisation as it is: what a fleet file is compared with, and what one is written from.

import type { Client } from '../../client/client.ts';
import { ApiError, NoAnswerError } from '../../client/errors.ts';
import { everyItem } from '../../client/page.ts';
import type { Image, Machine } from '../../client/types.ts';
import { UsageError } from '../parse.ts';

const perPage = 100;
/** More than a fleet file can declare by far. */
const thingsMax = 100_000;

interface Named {
  id: number;
  name: string;
}

export interface Now {
  images: readonly Image['attributes'][];
  machines: readonly Machine['attributes'][];
  /** Whether the server answers requests for machines. */
  hasMachines: boolean;
  software: readonly Named[];
  bases: readonly Named[];
  /** `code` is what a machine shows as its type. */
  types: readonly (Named & { code: string; cpus: number; memoryMb: number; diskGb: number })[];
}

async function all<Item extends { id: string; attributes: { id: number } }>(
  ask: Parameters<typeof everyItem<Item>>[1],
): Promise<Item['attributes'][]> {
  const found: Item['attributes'][] = [];
  for await (const { id, attributes } of everyItem(perPage, ask)) {
    if (found.length >= thingsMax)
      throw new UsageError('The organisation has more than a file declares.');
    // Another server may have the id beside the attributes alone.
    found.push({ ...attributes, id: Number(id) });
  }
  return found.sort((a, b) => a.id - b.id);
}

/** A server of the Images API alone has no other paths. */
function unlessMissing(error: unknown): null {
  const isMissing =
    (error instanceof ApiError && error.code === 'not_found') ||
    (error instanceof NoAnswerError && error.status === 404);
  if (isMissing) return null;
  throw error;
}

/**
 * Without `extensions`, only what every server of the API answers is asked: software, bases and
 * types are then empty.
 */
export async function fleetState(client: Client, { extensions = true } = {}): Promise<Now> {
  const images = await all(async (place) => {
    const { images: items, ...rest } = await client.imageList({ ...place, per_page: perPage });
    return { items, ...rest };
  });
  const machines = await all(async (place) => {
    const { machines: items, ...rest } = await client.machineList({ ...place, per_page: perPage });
    return { items, ...rest };
  }).catch((error: unknown) => {
    if (extensions) throw error;
    return unlessMissing(error);
  });
  const now = { images, machines: machines ?? [], hasMachines: machines !== null };
  if (!extensions) return { ...now, software: [], bases: [], types: [] };
  const { software, base_images: bases } = await client.softwareList({});
  const { plans } = await client.planList({});
  const types = plans.map(({ id, attributes: one }) => ({
    ...{ id: Number(id), name: one.name, code: one.machine_type },
    ...{ cpus: one.cpus, memoryMb: one.memory_mb, diskGb: one.disk_size },
  }));
  return { ...now, software, bases, types };
}
