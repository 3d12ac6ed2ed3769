// The end of guests that nobody asked to end: they are told with their reason and the last lines of
// the console, what is left of them is cleared by a job, and the policy of the machine decides
// whether it is started again.

import { assertBytesFit, assertGuestFits } from '../domain/account.ts';
import { consoleReason } from '../domain/console.ts';
import { AppError } from '../domain/error.ts';
import type { MachineId } from '../domain/ids.ts';
import { planStart } from '../domain/machine.ts';
import { afterEnd, endReasons, type GuestEnd, type MachinePolicy } from '../domain/machine-life.ts';
import { withoutJob } from '../engine/port/call.ts';
import { plainConsole } from '../lib/plain-console.ts';
import { portionsOf } from '../lib/portions.ts';
import type { ReadyMachine } from '../store/port/machine.ts';
import type { Writer } from '../store/port/unit-of-work.ts';
import type { TaskContext } from './task.ts';

interface Ended {
  end: GuestEnd;
  /** A sentence for callers. */
  reason: string;
  /** What is added behind it, such as the last lines of the console. */
  seen?: string;
}

interface NotedEnd {
  machine: ReadyMachine;
  end: Exclude<GuestEnd, 'idle'>;
}

/** After a restart of the host all guests have ended; units that wait together share a commit. */
const notedAtOnce = 32;

/**
 * Notes the ends of machines that are `ready` in the store and have no open job. Each is stopped by
 * a job, so that no other job begins with it meanwhile.
 */
export async function noteEnds(context: TaskContext, ends: readonly NotedEnd[]): Promise<void> {
  for await (const portion of portionsOf(ends, notedAtOnce))
    await Promise.all(portion.map((one) => noteEnd(context, one)));
}

async function noteEnd(
  { store, engine, settings, log, meter, signal }: TaskContext,
  { machine, end }: NotedEnd,
): Promise<void> {
  const { id } = machine;
  const shown = (await engine.console?.read(id, withoutJob(signal)).catch(() => '')) ?? '';
  const isDeath = end !== 'off' && shown !== '';
  const seen = isDeath ? consoleReason(plainConsole(shown)) : '';
  const ended = { end, reason: endReasons[end], seen };
  const noted = await store.write('system', async (work) => {
    if (!(await isAsSeen(work, machine))) return false;
    if (isDeath) await work.machines.keepConsole(id, plainConsole(shown));
    await stopByItself(work, id, ended, settings.machinePolicy);
    return true;
  });
  if (!noted) return;
  meter.guestEnded(end);
  log.warn({ machine: id, end }, endReasons[end]);
}

/**
 * Whether the machine is ready and no job works on it, since the same start as when it was looked
 * at, so that a task may write what it saw.
 */
export async function isAsSeen(
  work: Writer,
  { id, lastSessionStartAt }: Pick<ReadyMachine, 'id' | 'lastSessionStartAt'>,
): Promise<boolean> {
  const now = await work.machines.find(id);
  if (now?.status !== 'ready' || now.lastSessionStartAt !== lastSessionStartAt) return false;
  return (await work.jobs.ofMachines([id])).length === 0;
}

/** Queues the stop of a machine whose guest has ended, or that is to end because it is idle. */
export async function stopByItself(
  work: Writer,
  id: MachineId,
  { end, reason, seen = '' }: Ended,
  standard: MachinePolicy,
): Promise<void> {
  const machine = await work.machines.get(id);
  const { life, says } = afterEnd(machine, end, standard, work.now());
  const gracefully = end === 'idle';
  // Of a process that is gone nothing is left to be stopped.
  const isOver = end === 'killed';
  await work.machines.update(id, {
    status: isOver ? 'off' : gracefully ? 'graceful_stopping' : 'turning_off',
    statusReason: reason + says + seen,
    ...life,
  });
  const { organisationId } = machine;
  const job = { kind: 'machineStop', organisationId, machineId: id, data: { gracefully } } as const;
  if (!isOver) await work.jobs.enqueue([job]);
  await work.events.add('changed', { machineIds: [id] });
}

const restartsAtOnce = 50;
/** How long the start of a machine waits for room on the host. */
const roomMs = 60_000;

/** Starts the machines whose guests died and that are due to be started again. */
export async function restartDue({ store, log, meter }: TaskContext): Promise<void> {
  const due = await store.read('system', (work) => work.machines.dueRestarts(restartsAtOnce));
  for (const id of due) {
    const outcome = await store.write('system', (work) => restart(work, id));
    if (outcome === 'started') meter.guestRestarted();
    log.info({ machine: id }, `a machine whose guest died: ${outcome}`);
  }
}

async function restart(work: Writer, id: MachineId): Promise<'started' | 'waits' | 'stays off'> {
  const machine = await work.machines.get(id);
  if (machine.status !== 'off' || (await work.jobs.ofMachines([id])).length > 0) return 'waits';
  const { organisationId, assignedImageId } = machine;
  try {
    const image =
      assignedImageId === null ? null : ((await work.images.find(assignedImageId)) ?? null);
    const status = planStart(machine, image) ?? 'turning_on';
    const account = await work.account.host();
    if (account) {
      assertGuestFits(account, machine, `Machine ${id}`);
      if (status !== 'turning_on') assertBytesFit(account, account.admission.growthBytes);
    }
    await work.machines.update(id, { status, stopRequestedAt: null, restartAt: null });
    await work.jobs.enqueue([{ kind: 'machineStart', organisationId, machineId: id }]);
    await work.events.add('changed', { machineIds: [id] });
    return 'started';
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.code === 'no_capacity') {
      await work.machines.update(id, { restartAt: work.now() + roomMs });
      return 'waits';
    }
    const statusReason = `${machine.statusReason ?? ''}\nIt was not started again: ${error.message}`;
    await work.machines.update(id, { restartAt: null, statusReason });
    await work.events.add('changed', { machineIds: [id] });
    return 'stays off';
  }
}
