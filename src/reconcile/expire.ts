// Marks and forgets the things that are kept for a time, once they expire and the removal guard
// allows it: kept disks, deleted images, signatures, links, kept answers, ended jobs, events, and
// the entries of the two audit trails.

import type { Disk } from '../domain/disk.ts';
import { gbBytes } from '../domain/units.ts';
import type { Reader, Writer } from '../store/port/unit-of-work.ts';
import type { Settings } from './context.ts';
import type { TaskContext } from './task.ts';

const jobsKeptMs = 7 * 24 * 3600_000;
/**
 * Longer than a request is good for, so that a request cannot be sent again after the clock was put
 * back by as much.
 */
const signatureKeptMs = 2 * 3600_000;
const pruneRoundsMax = 100;
/** How long events are kept, and how many of one organisation. */
const eventsKeptMs = 7 * 24 * 3600_000;
const eventsMax = 100_000;
const deliveredKeptMs = 24 * 3600_000;
const deadKeptMs = 7 * 24 * 3600_000;

/** Which expired things may be removed now, and the state of the guard that decided it. */
export interface Removal {
  /** Things that expired before this time may be removed; null while nothing may. */
  before: number | null;
  /** Whether so many kept disks, and so many deleted images, may be removed at once. */
  disks: boolean;
  images: boolean;
  isSteady: boolean;
  waiting: string | null;
  brakes: string;
}

/**
 * Asks the guard which things may be removed. This is done before the transaction that marks
 * things, because the store may run a transaction twice, and each question changes the guard.
 */
export async function planRemoval({ store, guard, settings }: TaskContext): Promise<Removal> {
  const { before, kept, deleted } = await store.survey('system', async (work) => ({
    before: await guard.look(work),
    kept: await work.disks.kept(),
    deleted: await work.images.deletedAt(),
  }));
  const allows = (kind: string, all: readonly number[], until: number) =>
    guard.mayGo(kind, all.filter((at) => at <= until).length, all.length);
  const ends = kept.map(({ keptUntil }) => keptUntil ?? 0);
  const disks = before !== null && allows('kept disks', ends, before);
  const images =
    before !== null && allows('deleted images', deleted, before - settings.keepImageMs);
  const [waiting, brakes] = [guard.waiting(), guard.brakes()];
  return { before, disks, images, isSteady: guard.isSteady(), waiting, brakes };
}

/** Marks things that can no longer be restored, and forgets expired things. */
export async function expire(
  work: Writer,
  { before, disks, images, isSteady, waiting, brakes }: Removal,
  { keepImageMs }: Pick<Settings, 'keepImageMs'>,
): Promise<void> {
  if (isSteady) await work.host.setSteady();
  if (before !== null) {
    await work.signatures.prune(before - signatureKeptMs);
    await work.access.prune(before);
    await work.idempotency.prune(before);
    await work.jobs.prune(before - jobsKeptMs);
    if (disks) {
      await work.disks.releaseKept(before);
      await work.machines.releaseDeleted(before);
    }
    if (images) await work.images.releaseLayers(before - keepImageMs);
  }
  const noted = await work.host.removalState();
  if (waiting !== noted.waiting || brakes !== noted.brakes)
    await work.host.setRemovalState(waiting, brakes);
}

/**
 * Forgets old entries in portions, each a transaction of its own, so that others write in between
 * however many there are.
 */
export async function pruneAudit({
  store,
  guard,
  settings,
  log,
  signal,
}: TaskContext): Promise<void> {
  let count = 0;
  for (let rounds = 0; rounds < pruneRoundsMax; rounds++) {
    signal.throwIfAborted();
    const before = await store.read('system', async (work) => {
      const over = await guard.look(work);
      if (over === null) return null;
      const time = over - settings.auditKeptMs;
      const some = (await work.audit.hasBefore(time)) || (await work.operatorAudit.hasBefore(time));
      return some ? over : null;
    });
    if (before === null) break;
    count += await store.write('system', async (work) => {
      await work.operatorAudit.prune(before - settings.auditKeptMs);
      return work.audit.prune(before - settings.auditKeptMs);
    });
  }
  if (count > 0) log.info({ count }, 'entries of the audit trail are forgotten');
}

/**
 * Forgets old events, and the oldest of each organisation that has too many. The second needs no
 * clock, so a wrong one cannot fill the disk.
 */
export async function pruneEvents({ store, guard, signal }: TaskContext): Promise<void> {
  await store.publishEvents();
  for (let rounds = 0; rounds < pruneRoundsMax; rounds++) {
    signal.throwIfAborted();
    const time = await store.read('system', async (work) => {
      const over = await guard.look(work);
      return over !== null && (await work.events.hasBefore(over - eventsKeptMs)) ? over : null;
    });
    if (time === null) break;
    await store.write('system', (work) => work.events.prune(time - eventsKeptMs));
  }
  await pruneDeliveries({ store, guard });
  for (const { id } of await store.read('system', (work) => work.organisations.list()))
    for (let rounds = 0; rounds < pruneRoundsMax; rounds++) {
      signal.throwIfAborted();
      if (!(await store.read(id, (work) => work.events.hasMoreThan(eventsMax)))) break;
      await store.write(id, (work) => work.events.pruneBeyond(eventsMax));
    }
}

/** Forgets deliveries of webhooks that have ended; what a run leaves, the next one forgets. */
async function pruneDeliveries({ store, guard }: Pick<TaskContext, 'store' | 'guard'>) {
  const over = await store.read('system', (work) => guard.look(work));
  if (over === null) return;
  const [delivered, dead] = [over - deliveredKeptMs, over - deadKeptMs];
  if (await store.read('system', (work) => work.webhooks.hasEnded(delivered, dead)))
    await store.write('system', (work) => work.webhooks.prune(delivered, dead));
}

/** The oldest kept disks of each organisation that keeps more bytes than its quota. */
export async function keptBeyondQuota(work: Reader): Promise<Disk[]> {
  const beyond: Disk[] = [];
  const kept = Map.groupBy(await work.disks.kept(), (disk) => disk.organisationId);
  for (const [organisationId, disks] of kept) {
    const { keptGb } = await work.organisations.quotas(organisationId);
    let bytes = disks.reduce((sum, disk) => sum + (disk.storedBytes ?? 0), 0);
    for (const disk of disks) {
      if (bytes <= keptGb * gbBytes) break;
      bytes -= disk.storedBytes ?? 0;
      beyond.push(disk);
    }
  }
  return beyond;
}

/** Marks those of the disks that are still kept. Returns them. */
export async function release(work: Writer, disks: readonly Disk[]): Promise<Disk[]> {
  const released: Disk[] = [];
  for (const disk of disks) {
    if ((await work.disks.find(disk.id))?.state !== 'kept') continue;
    await work.disks.update(disk.id, { state: 'deleting', deletingAt: work.now() });
    released.push(disk);
  }
  return released;
}
