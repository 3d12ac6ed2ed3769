// The events that were written, and whether they tell the state that things have.

import assert from 'node:assert/strict';
import type { FleetEvent } from '../../src/domain/event.ts';
import { shownOf } from '../../src/domain/machine.ts';
import type { Store } from '../../src/store/port/unit-of-work.ts';
import type { Harness } from './harness.ts';

export async function eventsOf(store: Store): Promise<FleetEvent[]> {
  await store.publishEvents();
  return store.read('system', (work) => work.events.after(0, 100_000));
}

/**
 * Asserts that the last event of each image, machine and transfer tells the status that it is shown
 * with. A machine that was always off may have none.
 */
export async function assertTold({ store, ours }: Pick<Harness, 'store' | 'ours'>): Promise<void> {
  const last = new Map<string, string | null>();
  for (const { type, subject, status } of await eventsOf(store))
    if (status !== null) last.set(`${type.split('.')[0]} ${subject}`, status);
  const all = { page: 1, perPage: 1000 };
  const now = await store.read(ours, async (work) => [
    ...(await work.images.list(all)).images.map(({ id, status }) => [`image ${id}`, status]),
    ...(await work.images.list({ ...all, deleted: true })).images.map(({ id }) => [
      `image ${id}`,
      'deleted',
    ]),
    ...(await work.machines.all()).map((one) => [`machine ${one.id}`, shownOf(one).status]),
    ...(await work.transfers.list()).map(({ id, status }) => [`transfer ${id}`, status]),
  ]);
  const told = now.map(([thing = '', status]) => [
    thing,
    last.get(thing) ?? (thing.startsWith('machine') && status === 'off' ? 'off' : 'untold'),
  ]);
  assert.deepEqual(told, now);
}
