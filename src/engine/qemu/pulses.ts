// Looks at all machines that are on, every few seconds, so each look is cheap: one question on a
// monitor that stays open, and now and then a question to the guest's agent. What is remembered
// here is lost with the server, and is only what a look cannot find out: the guest's last reset,
// its agent's last answer, and the use of its processors.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineId } from '../../domain/ids.ts';
import type { RootSystem } from '../../domain/root-system.ts';
import { exists } from '../../lib/files.ts';
import { portionsOf } from '../../lib/portions.ts';
import { SharedRun } from '../../lib/shared-run.ts';
import type { Vital } from '../optional/vitals.ts';
import { agentLook } from './agent.ts';
import { type Found, findProcesses, type Own } from './process.ts';
import { type JsonSocket, type Message, openMonitor } from './qmp.ts';
import { takeRing } from './ring.ts';
import { rootSystemOf } from './root-system.ts';
import { askPulse, isGuestReset, pulseOf, vitalsSocket } from './vitals.ts';

const monitorMs = 5000;
/** A guest under emulation, on a busy host, takes seconds for an answer. */
const agentMs = 5000;
/** So many machines are asked at once. */
const atOnce = 16;
const heartbeatMs = 30_000;
/** A root is grown by hand now and then. */
const rootMs = 600_000;
/** The shortest time over which the use of processors is averaged. */
const usageMs = 55_000;
/** A guest that has not reported so long after a reset may have no way to. */
const rebootMostMs = 300_000;
/** The kernel counts processor time in these, whatever its own clock. */
const ticksPerSecond = 100;

/** What is remembered of a machine. Times are of a steady clock. */
interface Watched {
  pid: number;
  monitor: JsonSocket | null;
  resetAt: number | null;
  heardAt: number | null;
  users: number | null;
  askAt: number;
  askRootAt: number;
  usage: { at: number; cpuMs: number } | null;
  cpuShare: number | null;
}

export class Pulses {
  readonly #own: Own;
  readonly #watched = new Map<MachineId, Watched>();
  readonly #looks = new SharedRun<Map<MachineId, Vital>>();

  constructor(own: Own) {
    this.#own = own;
  }

  /** A monitor answers one question at a time, so those who look at the same time share a look. */
  look(signal: AbortSignal): Promise<Map<MachineId, Vital>> {
    return this.#looks.run('all', () => this.#look(signal));
  }

  async #look(signal: AbortSignal): Promise<Map<MachineId, Vital>> {
    const found = new Map<MachineId, Found>();
    for (const one of await findProcesses(this.#own, 'machine'))
      found.set(Number(one.id) as MachineId, one);
    for (const [id, { pid }] of this.#watched) if (found.get(id)?.pid !== pid) this.#forget(id);
    const vitals = new Map<MachineId, Vital>();
    for await (const portion of portionsOf([...found], atOnce)) {
      signal.throwIfAborted();
      await Promise.all(
        portion.map(async ([id, one]) => void vitals.set(id, await this.#lookAt(id, one))),
      );
    }
    return vitals;
  }

  close(): void {
    for (const id of this.#watched.keys()) this.#forget(id);
  }

  #forget(id: MachineId): void {
    this.#watched.get(id)?.monitor?.close();
    this.#watched.delete(id);
  }

  async #lookAt(id: MachineId, found: Found): Promise<Vital> {
    const one = this.#watched.get(id) ?? newlyWatched(found.pid);
    this.#watched.set(id, one);
    const pulse = await this.#pulse(found, one);
    const isHeard = pulse === 'running' && (await this.#hear(id, found, one));
    const root = isHeard ? await this.#askRoot(found, one) : undefined;
    await noteUsage(one);
    const { resetAt, heardAt, users, cpuShare } = one;
    return {
      pulse: pulse === 'running' && resetAt !== null ? 'rebooting' : pulse,
      heardAgoMs: heardAt === null ? null : performance.now() - heardAt,
      users,
      cpuShare,
      ...(root !== undefined && { root }),
    };
  }

  async #pulse({ folder }: Found, one: Watched) {
    try {
      one.monitor ??= await openMonitor(join(folder, vitalsSocket), monitorMs, (event) => {
        if (isGuestReset(event)) [one.resetAt, one.askRootAt] = [performance.now(), 0];
      });
      return pulseOf(await one.monitor.call('query-status', undefined, monitorMs));
    } catch {
      // An answer that comes late would be taken for that to the next question.
      one.monitor?.close();
      one.monitor = null;
      // A machine that an earlier version started has no such monitor.
      return askPulse(folder);
    }
  }

  /**
   * Asks the agent when it is time, and always while the guest reboots. Returns whether it has
   * answered now.
   */
  async #hear(id: MachineId, { folder }: Found, one: Watched): Promise<boolean> {
    const now = performance.now();
    if (one.resetAt !== null && now - one.resetAt > rebootMostMs) one.resetAt = null;
    if (one.resetAt === null && now < one.askAt) return false;
    // Its start asks the agent of a machine that was not ready yet.
    if (!(await exists(join(this.#own.paths.machine(id), 'ready')))) return false;
    one.askAt = now + heartbeatMs;
    const isOpen = await this.#agentIsOpen(one);
    const heard = isOpen ? await agentLook(join(folder, 'agent.sock'), agentMs) : null;
    if (heard !== null) [one.heardAt, one.users] = [performance.now(), heard.users];
    if (heard !== null || (one.resetAt !== null && (await this.#reported(one)))) one.resetAt = null;
    return heard !== null;
  }

  /** Undefined when it is not asked now, or did not answer. */
  async #askRoot({ folder }: Found, one: Watched): Promise<RootSystem | null | undefined> {
    if (performance.now() < one.askRootAt) return undefined;
    const diskBytes = await this.#diskBytes(one);
    if (diskBytes === null) return undefined;
    one.askRootAt = performance.now() + rootMs;
    return rootSystemOf(join(folder, 'agent.sock'), diskBytes, agentMs).catch(() => undefined);
  }

  /** The size of the machine's disk as its guest sees it. */
  async #diskBytes({ monitor }: Watched): Promise<number | null> {
    const answer = await monitor?.call('query-block', undefined, monitorMs).catch(() => null);
    const disk = (Array.isArray(answer) ? answer : []).find(
      (one: Message | null) => one?.device === 'disk',
    );
    const bytes = disk?.inserted?.image?.['virtual-size'];
    return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : null;
  }

  /** Whether a program in the guest has opened the agent's port, so that asking it may help. */
  async #agentIsOpen({ monitor }: Watched): Promise<boolean> {
    const devices = await monitor?.call('query-chardev', undefined, monitorMs).catch(() => null);
    // An old machine has no monitor to ask.
    if (!Array.isArray(devices)) return true;
    return devices.some(
      (device: Message | null) => device?.label === 'agent' && device['frontend-open'] === true,
    );
  }

  /** Whether the guest has said since its reset that it is ready. */
  async #reported({ monitor }: Watched): Promise<boolean> {
    const said =
      monitor && (await takeRing((...asked) => monitor.call(...asked, monitorMs), 'result'));
    return said?.includes('silversmith-ready') === true;
  }
}

const newlyWatched = (pid: number): Watched => ({
  pid,
  ...{ monitor: null, resetAt: null, heardAt: null, users: null },
  ...{ askAt: 0, askRootAt: 0, usage: null, cpuShare: null },
});

async function noteUsage(one: Watched): Promise<void> {
  const at = performance.now();
  if (one.usage !== null && at - one.usage.at < usageMs) return;
  const cpuMs = await cpuMsOf(one.pid);
  if (cpuMs !== null && one.usage !== null)
    one.cpuShare = (cpuMs - one.usage.cpuMs) / (at - one.usage.at);
  one.usage = cpuMs === null ? null : { at, cpuMs };
}

/** The processor time that a process has used; null when it is gone. */
async function cpuMsOf(pid: number): Promise<number | null> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name of the program, in parentheses, may hold spaces. Behind it, the state is the first.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Number.isFinite(ticks) && line !== '' ? (ticks * 1000) / ticksPerSecond : null;
}
