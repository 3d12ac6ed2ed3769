// Keeps the account of a disk from outside while it is taken in: how much of it is on the host's
// disk, and a portion that is reserved ahead of it. So two that each fit, and together do not, do
// not fill the disk: the one that finds no room for its next portion ends, and says why.

import { type Account, assertBytesFit } from '../domain/account.ts';
import { noRoomForNow, reasonOf } from '../domain/error.ts';
import type { LayerId, OrganisationId } from '../domain/ids.ts';
import { type IntakePart, intakeMs } from '../domain/intake.ts';
import { assertWithinQuota } from '../domain/organisation.ts';
import type { Room, Written } from '../engine/port/room.ts';
import type { Store, Writer } from '../store/port/unit-of-work.ts';

interface Intake {
  layerId: LayerId;
  /** For which the layer counts; null: it counts for the host alone, as the scratch always does. */
  organisationId: OrganisationId | null;
  /** So many bytes of the layer are reserved elsewhere, such as by the row of a transfer. */
  coveredBytes: number;
}

/** So much is reserved ahead of what is written, or this part of the disk when that is less. */
const portionBytesMax = 256 * 1024 ** 2;
const portionPart = 0.05;
/** It is renewed so many times before it would expire. */
const renewals = 3;
/** How long an intake counts when its files are whole, and are tried before the layer has a row. */
const wholeMs = 3600_000;

/**
 * Runs work that takes a disk in, and keeps the account of what it writes. After a failure nothing
 * counts any more. After a success it counts until `endIntake`, or for an hour.
 */
export async function withIntake<Result>(
  store: Store,
  intake: Intake,
  work: (room: Room) => Promise<Result>,
): Promise<Result> {
  const growth = new Growth(store, intake);
  const renewal = setInterval(() => growth.renew(), intakeMs / renewals);
  try {
    return await work(growth);
  } catch (error) {
    await store.write('system', (writer) => endIntake(writer, intake.layerId)).catch(() => {});
    throw error;
  } finally {
    clearInterval(renewal);
  }
}

/** Ends the account of an intake, in the transaction after which a row counts for its bytes. */
export const endIntake = ({ intakes }: Writer, layerId: LayerId): Promise<void> =>
  intakes.remove(layerId);

/**
 * Ends the leases and the intakes of earlier servers. Only for a server that owns the data
 * directory, because no other server can still hold one.
 */
export async function endLostWork({ jobs, intakes }: Writer): Promise<void> {
  await jobs.endLeases();
  const always = Number.MAX_SAFE_INTEGER;
  if (await intakes.hasExpired(always)) await intakes.removeExpired(always);
}

const sumOf = (parts: readonly IntakePart[]) => ({
  bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
  reservedBytes: parts.reduce((sum, { reservedBytes }) => sum + reservedBytes, 0),
});

/** The account without what an intake holds in it. */
function without(account: Account, parts: readonly IntakePart[]): Account {
  const own = sumOf(parts);
  const bytes = account.held.bytes - own.bytes;
  const reservedBytes = account.held.reservedBytes - own.reservedBytes;
  return { ...account, held: { ...account.held, bytes, reservedBytes } };
}

/** Throws when an intake that has reserved `before` has no room for so many bytes in all. */
function assertGrows(
  account: Account | undefined,
  before: readonly IntakePart[],
  wantedBytes: number,
): void {
  const { bytes, reservedBytes } = sumOf(before);
  if (!account || wantedBytes <= bytes + reservedBytes) return;
  try {
    assertBytesFit(without(account, before), wantedBytes);
  } catch (error) {
    // Other work that ends gives its room back.
    throw noRoomForNow(reasonOf(error));
  }
}

const portionOf = (account: Account | undefined) =>
  Math.min(portionBytesMax, Math.floor((account?.capacity.totalBytes ?? 0) * portionPart));

class Growth implements Room {
  readonly #store: Store;
  readonly #intake: Intake;
  #expectedBytes = 0;
  #written: Written = { scratchBytes: 0, layerBytes: 0 };
  /** It asks for more when so much is written. */
  #nextBytes = 0;
  #isBusy = false;

  constructor(store: Store, intake: Intake) {
    this.#store = store;
    this.#intake = intake;
  }

  async expect(bytes: number): Promise<void> {
    this.#expectedBytes = Math.max(0, bytes - this.#intake.coveredBytes);
    await this.#hold(this.#written, false);
  }

  async wrote({ scratchBytes, layerBytes }: Written, isWhole: boolean): Promise<void> {
    const beyond = Math.max(0, layerBytes - this.#intake.coveredBytes);
    if (isWhole || scratchBytes + beyond >= this.#nextBytes)
      await this.#hold({ scratchBytes, layerBytes: beyond }, isWhole);
  }

  /** Lets it count on. A renewal that fails is made up for by the next one. */
  renew(): void {
    if (!this.#isBusy) this.#hold(this.#written, false).catch(() => {});
  }

  async #hold(written: Written, isWhole: boolean): Promise<void> {
    this.#isBusy = true;
    try {
      const scope = this.#intake.organisationId ?? 'system';
      const { wantedBytes, portionBytes } = await this.#store.write(scope, (work) =>
        this.#reserve(work, written, isWhole),
      );
      this.#written = written;
      this.#nextBytes = wantedBytes - portionBytes / 2;
    } finally {
      this.#isBusy = false;
    }
  }

  async #reserve(work: Writer, { scratchBytes, layerBytes }: Written, isWhole: boolean) {
    const { layerId, organisationId } = this.#intake;
    const account = await work.account.host();
    const before = await work.intakes.partsOf(layerId);
    const writtenBytes = scratchBytes + layerBytes;
    const portionBytes = portionOf(account);
    const wantedBytes = isWhole
      ? writtenBytes
      : Math.max(this.#expectedBytes, writtenBytes + portionBytes);
    assertGrows(account, before, wantedBytes);
    const expiresAt = work.now() + (isWhole ? wholeMs : intakeMs);
    const reservedBytes = wantedBytes - writtenBytes;
    const scratch = { bytes: scratchBytes, reservedBytes, organisationId: null };
    const layer = { bytes: layerBytes, reservedBytes: 0, organisationId };
    await work.intakes.hold([
      { layerId, part: 'scratch', expiresAt, ...scratch },
      { layerId, part: 'layer', expiresAt, ...layer },
    ]);
    if (organisationId !== null && layerBytes > 0) {
      const { quotas, used } = await work.usage.of(['storedGb']);
      assertWithinQuota('storedGb', used.storedGb, 0, quotas);
    }
    return { wantedBytes, portionBytes };
  }
}
