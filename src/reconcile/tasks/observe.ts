// Compares the machines that are on with those that the store says are on. A machine whose guest
// powered itself off, crashed or hung is shown as off, with the reason. Machines whose guests died
// are started again, and idle ones stopped, where their policy says so. A machine that is on
// although it should be off is stopped, because an image could otherwise be captured of a disk that
// a guest writes to. This happens when an older store was brought back. Where an engine has several
// hosts, the places of the machines are noted, and a machine that the cluster itself switches off
// and on again, to move it to another host, is shown as ready again.

import type { DiskId, MachineId } from '../../domain/ids.ts';
import type { Machine } from '../../domain/machine.ts';
import type { GuestEnd } from '../../domain/machine-life.ts';
import type { Place } from '../../engine/optional/places.ts';
import type { Vital } from '../../engine/optional/vitals.ts';
import { type Call, withoutJob } from '../../engine/port/call.ts';
import type { ReadyMachine } from '../../store/port/machine.ts';
import type { Reader, Store, Writer } from '../../store/port/unit-of-work.ts';
import { noteEnds, restartDue } from '../guest-end.ts';
import { noteLiving } from '../living.ts';
import { noteLostTpms } from '../lost-tpm.ts';
import type { Task, TaskContext } from '../task.ts';

const wentOff = 'The machine went off by itself: its guest powered off, or its host restarted.';

export const observe: Task = {
  everyMs: 5000,
  scope: 'host',
  async run(context) {
    const { store, engine, log, signal } = context;
    const call = withoutJob(signal);
    const believed = await store.read('system', (work) => work.machines.ready());
    // At the same time, because both look at all processes of the host.
    const [vitals = null, lost] = await Promise.all([
      engine.vitals?.look(call),
      engine.tpm?.lost(call),
    ]);
    const running = vitals ? new Set(vitals.keys()) : await engine.runningMachines(call);
    const places = (await engine.places?.ofDisks(call)) ?? null;
    if (places) await notePlaces(store, places);
    const known = new Set(believed.map((machine) => machine.id));
    // Whether a machine is on whose host does not answer is not known.
    const isAway = ({ diskId }: Pick<Machine, 'diskId'>) =>
      diskId !== null && places?.get(diskId)?.answers === false;
    const gone = believed
      .filter((machine) => !running.has(machine.id) && !isAway(machine))
      .map((machine) => machine.id);
    if (lost) await noteLostTpms(store, believed, lost);
    const strays = [...running].filter((id) => !known.has(id));
    if (vitals) await noteVitals(context, believed, vitals);
    else if (gone.length > 0)
      await store.write('system', async (work) => {
        const machineIds = await work.machines.setOff(gone, wentOff);
        await work.events.add('changed', { machineIds });
      });
    if (strays.length === 0) return;
    const on = await stillOn({ store, engine }, strays, call);
    const { stopped, unknown, back } = await store.write('system', (work) =>
      settleStrays(work, on, places !== null),
    );
    for (const machine of back) log.info({ machine }, 'a machine that went off is on again');
    for (const machine of stopped)
      log.warn({ machine }, 'a machine was on that should be off; it is stopped');
    for (const machine of unknown) {
      await engine.stopMachine({ machineId: machine, graceMs: 0 }, call);
      log.warn({ machine }, 'a machine was on that the store does not know; it is stopped');
    }
  },
};

/** Notes what the engine tells of the guests of the machines that the store believes to be on. */
async function noteVitals(
  context: TaskContext,
  believed: readonly ReadyMachine[],
  vitals: ReadonlyMap<MachineId, Vital>,
): Promise<void> {
  const ends: { machine: ReadyMachine; end: Exclude<GuestEnd, 'idle'> }[] = [];
  const alive: ReadyMachine[] = [];
  for (const machine of believed) {
    const pulse = vitals.get(machine.id)?.pulse ?? 'killed';
    if (pulse === 'running' || pulse === 'paused' || pulse === 'rebooting') alive.push(machine);
    else ends.push({ machine, end: pulse });
  }
  await noteEnds(context, ends);
  await noteLiving(context, alive, vitals);
  await restartDue(context);
}

/** Writes where the machines' disks are, as far as that has changed. */
async function notePlaces(store: Store, places: ReadonlyMap<DiskId, Place>): Promise<void> {
  const before = await store.read('system', (work) => work.machines.places());
  const changes = new Map<string, { ids: MachineId[]; place: string | null; isAway: boolean }>();
  for (const { id, diskId, place, awayAt } of before) {
    const now = diskId === null ? undefined : places.get(diskId);
    const [host, isAway] = [now?.host ?? null, now?.answers === false];
    if (host === place && isAway === (awayAt !== null)) continue;
    const key = JSON.stringify([host, isAway]);
    const change = changes.get(key) ?? { ids: [], place: host, isAway };
    change.ids.push(id);
    changes.set(key, change);
  }
  for (const { ids, place, isAway } of changes.values())
    await store.write('system', async (work) => {
      await work.machines.updateMany(ids, { place, awayAt: isAway ? work.now() : null });
      await work.events.add('changed', { machineIds: ids });
    });
}

/** The machines to which no open job belongs, and that are off or not known. */
async function idleOf(work: Reader, ids: readonly MachineId[]): Promise<MachineId[]> {
  const busy = new Set((await work.jobs.ofMachines(ids)).map((job) => job.machineId));
  const idle: MachineId[] = [];
  for (const id of ids) {
    const machine = busy.has(id) ? null : await work.machines.find(id);
    if (machine === undefined || machine?.status === 'off') idle.push(id);
  }
  return idle;
}

/**
 * Asks the engine again for machines that are off in the store. Listing the machines of many hosts
 * takes long, so a machine may have been switched off after it was listed.
 */
async function stillOn(
  { store, engine }: Pick<TaskContext, 'store' | 'engine'>,
  strays: readonly MachineId[],
  call: Call,
): Promise<MachineId[]> {
  const on: MachineId[] = [];
  for (const id of await store.read('system', (work) => idleOf(work, strays)))
    if ((await engine.machineState(id, call)) !== 'off') on.push(id);
  return on;
}

/**
 * Stops machines by jobs, so that no other job starts the same machine meanwhile. With
 * `mayComeBack`, those that went off by themselves are ready again instead.
 */
async function settleStrays(work: Writer, ids: readonly MachineId[], mayComeBack: boolean) {
  const stopped: MachineId[] = [];
  const unknown: MachineId[] = [];
  const back: MachineId[] = [];
  // A machine with an open job is left to that job.
  for (const id of await idleOf(work, ids)) {
    const machine = await work.machines.find(id);
    if (!machine) unknown.push(id);
    else if (mayComeBack && machine.statusReason === wentOff) {
      await work.machines.update(id, { status: 'ready', statusReason: null });
      back.push(id);
    } else {
      await work.machines.update(id, { status: 'turning_off' });
      const { organisationId } = machine;
      await work.jobs.enqueue([{ kind: 'machineStop', organisationId, machineId: id }]);
      stopped.push(id);
    }
  }
  await work.events.add('changed', { machineIds: [...stopped, ...back] });
  return { stopped, unknown, back };
}
