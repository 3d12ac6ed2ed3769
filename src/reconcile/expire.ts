// Marks and forgets the things that are kept for a time, when their time is over and the removal
// guard allows it: kept disks, deleted images, signatures, links, kept answers, ended jobs, and the
// entries of the two audit trails.

import { gbBytes } from '../domain/units.ts';
import type { Writer } from '../store/port/unit-of-work.ts';
import type { Log } from './context.ts';
import type { TaskContext } from './task.ts';

const jobsKeptMs = 7 * 24 * 3600_000;
/**
 * Longer than a request is good for, so that a request cannot be sent again after the clock was put
 * back by as much.
 */
const signatureKeptMs = 2 * 3600_000;
const auditRoundsMax = 100;

/** Marks what can no longer be brought back, and forgets what is over. */
export async function expire(work: Writer, { guard, settings }: TaskContext): Promise<void> {
  const before = await guard.look(work);
  if (guard.isSteady()) await work.host.steady();
  if (before !== null) {
    await work.signatures.prune(before - signatureKeptMs);
    await work.access.prune(before);
    await work.idempotency.prune(before);
    await work.jobs.prune(before - jobsKeptMs);
    const kept = await work.disks.kept();
    const over = kept.filter(({ keptUntil }) => (keptUntil ?? 0) <= before);
    if (guard.mayGo('kept disks', over.length, kept.length)) await work.disks.releaseKept(before);
    const deleted = await work.images.deletedAt();
    const gone = deleted.filter((at) => at <= before - settings.keepImageMs);
    if (guard.mayGo('deleted images', gone.length, deleted.length))
      await work.images.releaseLayers(before - settings.keepImageMs);
  }
  const [waiting, brakes] = [guard.waiting(), guard.brakes()];
  const noted = await work.host.waiting();
  if (waiting !== noted.waiting || brakes !== noted.brakes)
    await work.host.noteWaiting(waiting, brakes);
}

/**
 * Forgets old entries in portions, each a transaction of its own, so that others write in between
 * however many there are.
 */
export async function pruneAudit({ store, guard, settings, signal }: TaskContext): Promise<void> {
  for (let rounds = 0; rounds < auditRoundsMax; rounds++) {
    signal.throwIfAborted();
    const before = await store.read('system', async (work) => {
      const over = await guard.look(work);
      if (over === null) return null;
      const time = over - settings.auditKeptMs;
      const some = (await work.audit.hasBefore(time)) || (await work.operatorAudit.hasBefore(time));
      return some ? over : null;
    });
    if (before === null) return;
    await store.write('system', async (work) => {
      await work.audit.prune(before - settings.auditKeptMs);
      await work.operatorAudit.prune(before - settings.auditKeptMs);
    });
  }
}

/** Marks the oldest kept disks of each organisation that keeps more bytes than its quota. */
export async function enforceKeptQuota(work: Writer, log: Log): Promise<void> {
  const kept = Map.groupBy(await work.disks.kept(), (disk) => disk.organisationId);
  for (const [organisationId, disks] of kept) {
    const { keptGb } = await work.organisations.quotas(organisationId);
    let bytes = disks.reduce((sum, disk) => sum + (disk.storedBytes ?? 0), 0);
    for (const { id, machineId, storedBytes } of disks) {
      if (bytes <= keptGb * gbBytes) break;
      await work.disks.update(id, { state: 'deleting', deletingAt: work.now() });
      bytes -= storedBytes ?? 0;
      log.info(
        { disk: id, machine: machineId, organisation: organisationId },
        'a kept disk gives way to newer ones',
      );
    }
  }
}
