// Starts a machine on the disk that it has, or on a fresh disk made from its image. The fresh disk
// takes the old one's place only when the machine is ready on it. So a start that fails leaves the
// machine off, with its old disk and with the assignment still pending.

import { consoleReason } from '../../domain/console.ts';
import { AppError, failedForNow } from '../../domain/error.ts';
import type { DiskId, LayerId, MachineId } from '../../domain/ids.ts';
import type { Job } from '../../domain/job.ts';
import { assertHolds, type Machine } from '../../domain/machine.ts';
import { notAlive } from '../../domain/machine-life.ts';
import { coldReasons } from '../../domain/template.ts';
import { gbBytes } from '../../domain/units.ts';
import { newId } from '../../lib/new-id.ts';
import { plainConsole } from '../../lib/plain-console.ts';
import type { Reader, Writer } from '../../store/port/unit-of-work.ts';
import { defineJob, type JobContext, NotYet, named } from '../job.ts';
import {
  type Choice,
  type Cold,
  chooseTemplate,
  chosenBefore,
  coldOf,
  failureOf,
  makeRoom,
  noteUse,
  usableOf,
} from '../machine-template.ts';
import { assertSound, assertStands } from '../soundness.ts';
import { networkSpecOf } from '../tasks/network.ts';
import { verifyChain } from '../verify.ts';

const kind = 'machineStart';
type Start = JobContext<typeof kind>;
const machineOf = ({ machineId }: Job<typeof kind>) => named(machineId, kind, 'machine');

/** Thrown when a stop or an assignment was asked for while the machine was starting. */
class StopRequested extends Error {}

export const machineStart = defineJob({
  kind,
  attemptsMax: 3,

  async run(context) {
    const { job, engine, settings, clock, call, meter } = context;
    const id = machineOf(job);
    try {
      await makeRoom(context.store, engine);
      const prepared = await prepare(context, id);
      const { disk, base, fresh, choice } = prepared;
      const { cold, isCopy } = await bringUp(context, prepared);
      const startedMs = Math.max(0, clock.now() - job.createdAt);
      meter.started(cold?.reason ?? null, startedMs);
      await noteUse(context.store, choice, cold === null, cold?.because);
      // The transaction asks again, because a stop may be asked for until then.
      return async (work) => {
        await finish(work, id, {
          freshDisk: fresh ? disk.id : null,
          keepDiskMs: settings.keepDiskMs,
          statusReason: isCopy ? hasCopiedIdentity : null,
          started: { cold, startedMs },
        });
        if (base) await work.bases.prove(base.id);
        return { startedFrom: cold === null ? 'memory' : 'disk', startedMs };
      };
    } catch (error) {
      if (error instanceof AppError) throw await withConsole(context, id, error);
      if (!(error instanceof StopRequested)) throw error;
      await engine.stopMachine({ machineId: id, graceMs: 0 }, call);
      return (work) => settleOff(work, id, null);
    }
  },

  async undo({ job, engine, call }) {
    await engine.stopMachine({ machineId: machineOf(job), graceMs: 0 }, call);
  },

  abandon: (work, job, reason) => settleOff(work, machineOf(job), reason),
});

type Prepared = Awaited<ReturnType<typeof prepare>>;

/** Makes the disk, starts the machine on it, and waits until it is ready. */
async function bringUp(context: Start, prepared: Prepared) {
  const { engine, call } = context;
  const { machine, disk, boot, fresh, choice } = prepared;
  const { id, name, cpus, memoryMb, region } = machine;
  if (fresh) {
    await context.phase('verifying the layers', 0.05);
    await verifyChain(context, disk.layerId);
  }
  await context.phase(fresh ? 'making the disk' : 'turning on', 0.1);
  await engine.ensureDisk(
    { diskId: disk.id, layerId: disk.layerId, sizeBytes: disk.sizeGb * gbBytes, region },
    call,
  );
  await context.phase('turning on', 0.3);
  const template = usableOf(choice);
  const started = await engine.startMachine(
    {
      ...{ machineId: id, diskId: disk.id, name, cpus, memoryMb, ...boot, fresh },
      ...(template && { template }),
      network: networkSpecOf(machine),
    },
    call,
  );
  await context.phase('waiting for the guest', 0.5);
  const cold = coldOf(choice, started);
  try {
    return { cold, isCopy: (await becomesReady(context, prepared, cold === null)) === 'copy' };
  } catch (error) {
    if (cold !== null || !(error instanceof AppError)) throw error;
    // What the guest has written from memory is dropped: the disk is an empty overlay again.
    const failure = failureOf(error);
    await engine.stopMachine({ machineId: id, graceMs: 0 }, call);
    await engine.removeDisk(disk.id, call);
    await noteUse(context.store, choice, false, failure);
    await context.remember({ cold: failure });
    throw new NotYet(`it did not get ready from memory, so it boots: ${failure}`, 0);
  }
}

/** A guest from memory answers at once; without an answer within so long it is booted. */
const instantReadyMs = 60_000;

async function becomesReady(
  context: Start,
  { machine: { id }, disk, base, boot, fresh }: Prepared,
  isInstant: boolean,
): Promise<'ready' | 'copy'> {
  const { engine, settings, clock, signal, call } = context;
  const usualMs = boot.boot.readyMs ?? settings.readyMs;
  const readyMs = isInstant ? Math.min(usualMs, instantReadyMs) : usualMs;
  const end = clock.monotonic() + readyMs;
  while (true) {
    const state = await engine.machineState(id, call);
    if (state === 'ready' || state === 'copy') return state;
    if (state === 'crashed') throw failedForNow(`Machine ${id} crashed while it was starting.`);
    if (state === 'off')
      throw failedForNow(`Machine ${id} powered itself off while it was starting.`);
    await assertWanted(context, id);
    if (clock.monotonic() >= end) {
      const on =
        fresh && disk.imageId === null && base
          ? ` on base image ${base.id} (${base.name}), taken because no image is assigned to it`
          : '';
      throw new AppError(
        'unavailable',
        `Machine ${id} was not ready within ${Math.round(readyMs / 1000)} s${on}; assign another image to it, or reset it and start it again.`,
      );
    }
    await clock.sleep(settings.pollMs, signal);
  }
}

/**
 * Returns the error with the end of the guest's console added, and keeps the console in the store,
 * because it is lost when the machine goes off.
 */
async function withConsole(
  { engine, signal, call, write }: Start,
  id: MachineId,
  error: AppError,
): Promise<AppError> {
  const shown = (await engine.console?.read(id, call).catch(() => '')) ?? '';
  if (shown === '' || signal.aborted) return error;
  await write((work) => work.machines.keepConsole(id, plainConsole(shown)));
  const { code, detail, retry } = error;
  const more = { cause: error, retry, ...(detail !== undefined && { detail }) };
  return new AppError(code, `${error.message}${consoleReason(plainConsole(shown))}`, more);
}

async function prepare(context: Start, id: MachineId) {
  const { job, engine, settings, call } = context;
  const freshId = await context.begin('disk', newId<DiskId>());
  const fingerprint = (await engine.instant?.fingerprint(call)) ?? null;
  return context.write(async (work) => {
    const machine = await work.machines.get(id);
    if (machine.stopRequestedAt !== null) throw new StopRequested();
    // An attempt goes on with the disk that an earlier one made, whatever became of the image.
    const begun = (await work.disks.find(freshId)) !== undefined;
    const fresh = begun || machine.diskId === null || machine.assignmentPendingAt !== null;
    const diskId = fresh ? freshId : (machine.diskId as DiskId);
    if (!begun && machine.lostPendingAt !== null)
      await work.machines.update(id, { assignedImageId: null, assignmentPendingAt: null });
    let choice: Choice = { reason: 'own_disk', because: coldReasons.own_disk };
    if (fresh && !begun) {
      const head = await imageLayer(work, machine);
      await assertStands(work, head);
      const usual = settings.templatePolicy;
      choice = await chooseTemplate(work, { machine, head, fingerprint, usual });
      const layerId = 'template' in choice ? choice.layerId : head;
      await work.disks.add({
        id: diskId,
        organisationId: machine.organisationId,
        machineId: id,
        layerId,
        state: 'fresh',
        imageId: machine.assignedImageId,
        replacesId: machine.diskId,
        sizeGb: machine.diskSizeGb,
      });
    }
    const disk = await work.disks.get(diskId);
    if (begun)
      choice = await chosenBefore(work, disk.layerId, { fingerprint, failure: job.data.cold });
    // A machine never starts on a layer that is known to be damaged.
    for (const layer of await work.layers.chain(disk.layerId)) assertSound(layer);
    const boot = await work.layers.bootOf(await work.layers.get(disk.layerId));
    return { machine, disk, fresh, boot, choice, base: await work.bases.ofLayer(boot.baseLayerId) };
  });
}

/** Returns the layer for the machine's next disk: its image's, or that of the default base. */
async function imageLayer(work: Reader, machine: Machine): Promise<LayerId> {
  if (machine.assignedImageId === null)
    return (await work.bases.fitting(machine.diskSizeGb)).layerId;
  const image = await work.images.get(machine.assignedImageId);
  if (image.status !== 'available' || image.layerId === null) {
    throw new AppError(
      'image_not_available',
      `Image ${image.id} of machine ${machine.id} is ${image.status}; assign another one.`,
    );
  }
  // A disk that is smaller than its layer would cut off the layer's content.
  const { virtualBytes } = await work.layers.get(image.layerId);
  assertHolds(machine, { id: image.id, sizeGb: Math.ceil(virtualBytes / gbBytes) });
  return image.layerId;
}

async function assertWanted({ store }: Start, id: MachineId): Promise<void> {
  const machine = await store.read('system', (work) => work.machines.get(id));
  if (machine.stopRequestedAt !== null) throw new StopRequested();
}

const hasCopiedIdentity =
  'It has the identity (machine id, host keys, host name) of what its disk was made from: its guest agent runs no commands, and it has no cloud-init. Give it its own inside, or install cloud-init in its image.';

interface Finish {
  /** The disk that takes the place of the machine's; null when it keeps its own. */
  freshDisk: DiskId | null;
  keepDiskMs: number;
  statusReason: string | null;
  started: { cold: Cold | null; startedMs: number };
}

async function finish(
  work: Writer,
  id: MachineId,
  { freshDisk, keepDiskMs, statusReason, started: { cold, startedMs } }: Finish,
): Promise<void> {
  const machine = await work.machines.get(id);
  if (machine.stopRequestedAt !== null)
    throw failedForNow('The machine was asked to stop while it was starting.');
  if (freshDisk !== null) {
    if (machine.diskId !== null) await work.disks.keep(machine.diskId, keepDiskMs);
    await work.disks.update(freshDisk, { state: 'active', replacesId: machine.diskId });
  }
  await work.machines.update(id, {
    status: 'ready',
    statusReason,
    pausedAt: null,
    networkDueAt: work.now(),
    ...notAlive,
    lastSessionStartAt: work.now(),
    startedFrom: cold === null ? 'memory' : 'disk',
    startedBecause: cold === null || cold.reason === 'own_disk' ? null : cold.because,
    startedMs,
    ...(freshDisk !== null && { diskId: freshDisk, assignmentPendingAt: null }),
  });
}

const settleOff = (work: Writer, id: MachineId, statusReason: string | null) =>
  work.machines.update(id, { status: 'off', statusReason, stopRequestedAt: null });
