// Notes how the guests of ready machines are: whether they reboot, are silent, or are idle, and
// stops those that were idle for their time. Writes only what changes, because it is called every
// few seconds.

import { isDeepStrictEqual } from 'node:util';
import type { MachineId } from '../domain/ids.ts';
import { isIdle, isToStop, type MachinePolicy, silentSince } from '../domain/machine-life.ts';
import type { RootSystem } from '../domain/root-system.ts';
import type { Vital } from '../engine/optional/vitals.ts';
import { portionsOf } from '../lib/portions.ts';
import type { MachineChange, MachineLiving, ReadyMachine } from '../store/port/machine.ts';
import { isAsSeen, stopByItself } from './guest-end.ts';
import type { TaskContext } from './task.ts';

/** So many machines are looked at between two turns of the event loop. */
const portionMax = 500;

type Seen = ReadyMachine & MachineLiving;
const unknown = { autoStopS: null, rebootingAt: null, silentAt: null, idleAt: null };

export async function noteLiving(
  context: TaskContext,
  believed: readonly ReadyMachine[],
  vitals: ReadonlyMap<MachineId, Vital>,
): Promise<void> {
  const { store, settings, meter } = context;
  const standard = settings.machinePolicy;
  const { now, noted, linked } = await store.read('system', async (work) => {
    const living = await work.machines.living();
    const canStop = standard.autoStopS > 0 || living.some((one) => (one.autoStopS ?? 0) > 0);
    return {
      now: work.now(),
      noted: new Map(living.map((one) => [one.id, one])),
      linked: new Set(canStop ? await work.access.openMachines() : []),
    };
  });
  let silent = 0;
  for await (const portion of portionsOf(believed, portionMax))
    for (const machine of portion) {
      const vital = vitals.get(machine.id);
      if (vital === undefined) continue;
      const one: Seen = { ...unknown, ...noted.get(machine.id), ...machine };
      const change = changeOf(one, vital, { now, hasLink: linked.has(one.id), standard });
      const life = { ...one, ...change };
      if (life.silentAt !== null) silent++;
      if (Object.keys(change).length > 0) await noteChange(context, one, change);
      if (vital.root !== undefined) await noteRoot(context, one, vital.root);
      if (isToStop(life, one.lastSessionStartAt, standard, now)) await stopIdle(context, life, now);
    }
  meter.guestsSilent(silent);
}

/** The facts that are other than the store has them; an idle machine is one that may be stopped. */
function changeOf(
  { rebootingAt, silentAt, idleAt, autoStopS }: Seen,
  { pulse, cpuShare, users, heardAgoMs }: Vital,
  given: { now: number; hasLink: boolean; standard: MachinePolicy },
): MachineChange {
  const { now, hasLink, standard } = given;
  const isRunning = pulse === 'running';
  const counts = (autoStopS ?? standard.autoStopS) > 0;
  const isUnused = counts && isIdle({ isRunning, cpuShare, users, hasLink });
  const next = {
    rebootingAt: pulse === 'rebooting' ? (rebootingAt ?? now) : null,
    silentAt: isRunning ? silentSince(heardAgoMs, silentAt, now) : null,
    idleAt: isUnused ? (idleAt ?? now) : null,
  };
  return {
    ...(next.rebootingAt !== rebootingAt && { rebootingAt: next.rebootingAt }),
    ...(next.silentAt !== silentAt && { silentAt: next.silentAt }),
    ...(next.idleAt !== idleAt && { idleAt: next.idleAt }),
  };
}

async function noteChange(
  { store }: TaskContext,
  machine: ReadyMachine,
  change: MachineChange,
): Promise<void> {
  const isShown = 'rebootingAt' in change || 'silentAt' in change;
  await store.write('system', async (work) => {
    // A job may have stopped it since it was looked at; a later start clears what is noted here.
    if (!(await isAsSeen(work, machine))) return;
    await work.machines.update(machine.id, change);
    if (isShown) await work.events.add('changed', { machineIds: [machine.id] });
  });
}

async function noteRoot(
  { store }: TaskContext,
  machine: ReadyMachine,
  root: RootSystem | null,
): Promise<void> {
  const known = await store.read('system', (work) => work.machines.find(machine.id));
  if (known === undefined || isDeepStrictEqual(known.rootSystem, root)) return;
  await store.write('system', async (work) => {
    if (!(await isAsSeen(work, machine))) return;
    const isNew = await work.machines.setRootSystem(machine.id, root);
    if (isNew) await work.events.add('changed', { machineIds: [machine.id] });
  });
}

async function stopIdle(
  { store, settings, log, meter }: TaskContext,
  machine: Seen,
  now: number,
): Promise<void> {
  const { id, idleAt } = machine;
  const minutes = Math.floor((now - (idleAt ?? now)) / 60_000);
  const reason = `The machine was stopped, because nobody used it for ${minutes} minutes.`;
  const isStopped = await store.write('system', async (work) => {
    if (!(await isAsSeen(work, machine))) return false;
    await stopByItself(work, id, { end: 'idle', reason }, settings.machinePolicy);
    return true;
  });
  if (!isStopped) return;
  meter.guestEnded('idle');
  log.info({ machine: id }, reason);
}
