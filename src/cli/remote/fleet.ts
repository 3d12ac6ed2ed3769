// The state of an organisation's machines and images, as `watch` looks at it again and again: a few
// requests, whatever the size of the fleet.

import type { Client } from '../../client/client.ts';
import { allOf } from './each.ts';
import type { Image } from './image-table.ts';
import type { Machine } from './machine-table.ts';

/** In the order in which a person wants to see them: what changes comes first. */
const statuses = [
  ...(['creating', 'installing', 'turning_on', 'turning_off', 'graceful_stopping'] as const),
  ...(['resizing_disk', 'ready', 'off'] as const),
];
const shownMax = 100;

export interface Fleet {
  at: number;
  /** How many machines are in each state; states without a machine are left out. */
  counts: ReadonlyMap<string, number>;
  /** At most a hundred, those that change first. */
  machines: readonly Machine[];
  /** The newest. */
  images: readonly Image[];
}

/** Throws like the methods of the client, and the signal's reason. */
export async function fleetNow(client: Client, signal?: AbortSignal): Promise<Fleet> {
  const [pages, { images }] = await Promise.all([
    allOf(statuses, (status) => client.machineList({ status, per_page: shownMax }, { signal })),
    client.imageList({ per_page: shownMax }, { signal }),
  ]);
  const counts = new Map(
    statuses.flatMap((status, at): [string, number][] => {
      const count = pages[at]?.count ?? 0;
      return count > 0 ? [[status, count]] : [];
    }),
  );
  const machines = pages.flatMap((page) => page.machines).slice(0, shownMax);
  return { at: Date.now(), counts, machines, images };
}

const said = {
  machine: ({ attributes: one }: Machine) =>
    `machine ${one.id} (${one.name}): ${one.friendly_status}${one.phase ? `, ${one.phase}` : ''}`,
  image: ({ attributes: one }: Image) => {
    const share = one.status === 'building' ? `, ${Math.floor((one.progress ?? 0) * 100)} %` : '';
    return `image ${one.id} (${one.name}): ${one.status}${one.phase ? `, ${one.phase}` : ''}${share}`;
  },
};

/** A line for each thing that differs from the fleet before; for each thing without one. */
export function changes(now: Fleet, before: Fleet | null): string[] {
  const lines = (fleet: Fleet) => [
    ...fleet.images.map((one): [string, string] => [`image ${one.id}`, said.image(one)]),
    ...fleet.machines.map((one): [string, string] => [`machine ${one.id}`, said.machine(one)]),
  ];
  const known = new Map(before === null ? [] : lines(before));
  const found = lines(now);
  const ids = new Set(found.map(([id]) => id));
  const gone = before === null ? [] : [...known.keys()].filter((id) => !ids.has(id));
  return [
    ...found.filter(([id, line]) => known.get(id) !== line).map(([, line]) => line),
    ...gone.map((id) => `${id} is not listed any more`),
  ];
}
