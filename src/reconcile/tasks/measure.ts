// Measures the room on the host's disk and the bytes of machines' disks. Requests are answered from
// the last measurement and what the account has added since. When little room is left, the disks
// that grow most are named in the log and the metrics. Machines that were paused because the disk
// was full are shown as paused, and go on when there is room again.

import { isNearReserve } from '../../domain/account.ts';
import type { DiskId } from '../../domain/ids.ts';
import { withoutJob } from '../../engine/port/call.ts';
import { portionsOf } from '../../lib/portions.ts';
import { noteCapacity } from '../capacity.ts';
import type { Task, TaskContext } from '../task.ts';

/** So many disks are written in one transaction, so that others write in between. */
const portionMax = 250;
/** So many growing disks are named. */
const growersMax = 5;

interface Change {
  id: DiskId;
  storedBytes: number;
  grownBytes: number;
}

export const measure: Task = {
  everyMs: 60_000,
  scope: 'host',
  async run(context) {
    const { store, engine, log, signal } = context;
    const call = withoutJob(signal);
    let changed: Change[] = [];
    let freeBytes = 0;
    await noteCapacity(context, async () => {
      const { disks, capacity } = await engine.inventory(call);
      changed = await noteSizes(context, disks);
      freeBytes = capacity.freeBytes;
      return { capacity, grownBytes: changed.reduce((sum, one) => sum + one.grownBytes, 0) };
    });
    await nameGrowers(context, changed);
    if (!engine.pause) return;
    const paused = [...(await engine.pause.paused(call))];
    await store.write('system', async (work) => {
      const machineIds = await work.machines.setPaused(paused);
      await work.events.add('changed', { machineIds });
    });
    if (freeBytes === 0) return;
    // A machine is shown as paused until the next run sees that it went on.
    for (const machine of paused)
      if (await engine.pause.resume(machine, call))
        log.warn(
          { machine },
          "a machine was paused because the host's disk was full; it is let go on",
        );
  },
};

/** Writes the sizes that are other than before. Returns them. */
async function noteSizes(
  { store, signal }: TaskContext,
  measured: ReadonlyMap<DiskId, number>,
): Promise<Change[]> {
  const noted = await store.survey('system', (work) => work.disks.storedBytes());
  const changed = noted.flatMap(({ id, storedBytes: before }) => {
    const storedBytes = measured.get(id);
    return storedBytes === undefined || storedBytes === before
      ? []
      : [{ id, storedBytes, grownBytes: storedBytes - (before ?? 0) }];
  });
  for await (const portion of portionsOf(changed, portionMax)) {
    signal.throwIfAborted();
    await store.write('system', (work) =>
      work.disks.setStoredBytes(portion.map(({ id, storedBytes }) => ({ id, storedBytes }))),
    );
  }
  return changed;
}

/** Names the disks that grew most since the last measurement, while little room is left. */
async function nameGrowers(
  { store, log, meter }: TaskContext,
  changed: readonly Change[],
): Promise<void> {
  const account = await store.read('system', (work) => work.account.host());
  const growing = changed
    .filter(({ grownBytes }) => grownBytes > 0)
    .sort((one, other) => other.grownBytes - one.grownBytes)
    .slice(0, account && isNearReserve(account) ? growersMax : 0);
  const growers = await store.read('system', async (work) => {
    const found = [];
    for (const { id, grownBytes } of growing) {
      const disk = await work.disks.find(id);
      if (disk) found.push({ machine: disk.machineId, disk: id, bytes: grownBytes });
    }
    return found;
  });
  meter.disksGrew(growers);
  for (const grower of growers)
    log.warn(grower, "the host's disk is nearly full, and the disk of a machine grows");
}
