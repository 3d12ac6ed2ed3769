// The room that the host has for new work, which a request reserves in its own transaction: the row
// that it writes (a job, a transfer, a machine that starts) counts in the account from then on.

import {
  assertBytesFit,
  assertGuestFits,
  buildGuest,
  type Guest,
  usualBuildGuest,
} from '../domain/account.ts';
import type { LayerId } from '../domain/ids.ts';
import type { Recipe } from '../domain/software.ts';
import type { ReadContext } from './context.ts';

/**
 * Throws `no_capacity` unless the host has room for so many bytes, and for a build machine when one
 * is given. Passes until the host has been measured once.
 */
export async function assertHostRoom(
  { work }: ReadContext,
  neededBytes: number,
  build: Guest | null = null,
): Promise<void> {
  const account = await work.account.host();
  if (!account) return;
  assertBytesFit(account, neededBytes);
  if (build) assertGuestFits(account, build, 'A build');
}

/**
 * Throws `no_capacity` unless the host has the memory and the processors for a machine; with
 * `fresh`, which makes a new disk, also when it has no room for the disk to grow. The making of
 * templates counts for nothing, because it gives way.
 */
export async function assertStartFits(
  { work }: ReadContext,
  guest: Guest,
  { what, fresh }: { what: string; fresh: boolean },
): Promise<void> {
  const account = await work.account.host({ guestsOnly: !fresh });
  if (!account) return;
  const { held, yielding } = account;
  const memoryMb = held.memoryMb - yielding.memoryMb;
  const rest = { ...account, held: { ...held, memoryMb, cpus: held.cpus - yielding.cpus } };
  assertGuestFits(rest, guest, what);
  if (fresh) assertBytesFit(account, account.admission.growthBytes);
}

/** The largest build machine that a build of these recipes on this layer boots. */
export async function buildGuestOn(
  { work }: ReadContext,
  layerId: LayerId,
  recipes: readonly Recipe[] = [],
): Promise<Guest> {
  const { boot } = await work.layers.bootOf(await work.layers.get(layerId));
  return buildGuest(boot.build ?? usualBuildGuest, recipes);
}
