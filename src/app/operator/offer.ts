// The things of the catalogue as something that is offered: they are retired, offered again, and
// removed when nothing uses them; and a base is taken, or not, where none is named.

import { AppError } from '../../domain/error.ts';
import type { BaseImageId, MachineTypeId, SoftwareId } from '../../domain/ids.ts';
import {
  assertUnused,
  type OfferKind,
  type OfferUses,
  offerKinds,
  type Retirable,
} from '../../domain/offer.ts';
import type { Reader, Store, Writer } from '../../store/port/unit-of-work.ts';
import { change } from './context.ts';

export interface Offer extends Retirable {
  kind: OfferKind;
  version: string | null;
  /** Whether it may be taken where no base is named; null for what is no base. */
  newest: boolean | null;
}

interface Noun {
  list(work: Reader): Promise<Omit<Offer, 'kind'>[]>;
  uses(work: Reader, id: number): Promise<OfferUses>;
  retire(work: Writer, id: number, retiredAt: number | null): Promise<void>;
  remove(work: Writer, id: number): Promise<void>;
}

const nouns: Record<OfferKind, Noun> = {
  base: {
    list: async ({ bases }) =>
      (await bases.list()).map(({ id, name, version, retiredAt, heldAt }) => ({
        ...{ id, name, version, retiredAt },
        newest: heldAt === null,
      })),
    uses: ({ bases }, id) => bases.uses(id as BaseImageId),
    retire: ({ bases }, id, retiredAt) => bases.update(id as BaseImageId, { retiredAt }),
    remove: ({ bases }, id) => bases.remove(id as BaseImageId),
  },
  software: {
    list: async ({ software }) =>
      (await software.list()).map(({ id, name, version, retiredAt }) => ({
        ...{ id, name, version, retiredAt },
        newest: null,
      })),
    uses: ({ software }, id) => software.uses(id as SoftwareId),
    retire: ({ software }, id, at) => software.setRetired(id as SoftwareId, at),
    remove: ({ software }, id) => software.remove(id as SoftwareId),
  },
  'machine-type': {
    list: async ({ machineTypes }) =>
      (await machineTypes.list()).map(({ id, name, retiredAt }) => ({
        ...{ id, name, retiredAt, version: null },
        newest: null,
      })),
    uses: ({ machineTypes }, id) => machineTypes.uses(id as MachineTypeId),
    retire: ({ machineTypes }, id, at) => machineTypes.setRetired(id as MachineTypeId, at),
    remove: ({ machineTypes }, id) => machineTypes.remove(id as MachineTypeId),
  },
};

const nameOf: Record<OfferKind, string> = {
  base: 'base image',
  software: 'software',
  'machine-type': 'machine type',
};

/** All things of the catalogue, also those that are retired, by kind and id. */
export const offerList = (store: Store): Promise<Offer[]> =>
  store.read('system', async (work) => {
    const offers: Offer[] = [];
    for (const kind of offerKinds)
      offers.push(...(await nouns[kind].list(work)).map((one) => ({ kind, ...one })));
    return offers;
  });

async function find(work: Reader, kind: OfferKind, id: number): Promise<Offer> {
  const found = (await nouns[kind].list(work)).find((one) => one.id === id);
  if (found) return { kind, ...found };
  throw new AppError(
    'not_found',
    `There is no ${nameOf[kind]} ${id}; see: silversmith ${kind} list --local`,
  );
}

const thingOf = (kind: OfferKind, id: number) => `${nameOf[kind]} ${id}`;

/**
 * Ends or renews the offer of a thing. What stands on it goes on, and builds that wait for it are
 * made. Does nothing when it is so already. Throws not-found.
 */
export const offerRetire = change(
  'offerRetire',
  (kind: OfferKind, id: number, _retired: boolean) => thingOf(kind, id),
  ({ store, touched }, kind, id, retired): Promise<Offer> =>
    store.write('system', async (work) => {
      const offer = await find(work, kind, id);
      touched(`${thingOf(kind, id)} (${offer.name})`);
      if ((offer.retiredAt !== null) === retired) return offer;
      await nouns[kind].retire(work, id, retired ? work.now() : null);
      return find(work, kind, id);
    }),
);

/** Forgets a thing that nothing uses. Throws not-found, and `conflict` with what uses it. */
export const offerRemove = change(
  'offerRemove',
  (kind: OfferKind, id: number) => thingOf(kind, id),
  ({ store, touched }, kind, id): Promise<void> =>
    store.write('system', async (work) => {
      const offer = await find(work, kind, id);
      touched(`${thingOf(kind, id)} (${offer.name})`);
      assertUnused(nameOf[kind], offer, await nouns[kind].uses(work, id));
      await nouns[kind].remove(work, id);
    }),
);

/** Says whether a base may be taken where no base is named. Throws not-found. */
export const baseNewestSet = change(
  'baseNewestSet',
  (id: number, _allowed: boolean) => thingOf('base', id),
  ({ store, touched }, id, allowed): Promise<Offer> =>
    store.write('system', async (work) => {
      const offer = await find(work, 'base', id);
      touched(`${thingOf('base', id)} (${offer.name})`);
      if (offer.newest !== allowed)
        await work.bases.update(id as BaseImageId, { heldAt: allowed ? null : work.now() });
      return find(work, 'base', id);
    }),
);
