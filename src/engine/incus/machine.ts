// Machines: each runs as the instance that is its disk. A start gives the instance the machine's
// size and network addresses; at most one instance of a machine is on.

import type { Duplex } from 'node:stream';
import { Type } from 'typebox';
import { AppError, failedForGood, failedForNow } from '../../domain/error.ts';
import type { MachineId } from '../../domain/ids.ts';
import { OutputTail } from '../../lib/output-tail.ts';
import type { ExecResult, ExecSpec } from '../optional/exec.ts';
import type { Call } from '../port/call.ts';
import type { MachineSpec, MachineState, StopSpec } from '../port/machines.ts';
import { Instance } from './answer.ts';
import { openInstanceConsole } from './console.ts';
import { diskName, type Incus, marks } from './context.ts';
import { IncusRefusal } from './error.ts';
import { runInside } from './exec.ts';
import { Guests, machineCards, noCards } from './guest.ts';
import {
  changeInstance,
  claimInstance,
  configOf,
  findInstance,
  isOn,
  listInstances,
  startInstance,
  stopInstance,
} from './instance.ts';

const execMs = 120_000;
const printedBytesMax = 16 * 1024 ** 2;
const consoleBytes = 16 * 1024;
const rememberedMax = 10_000;

export class Machines {
  readonly #incus: Incus;
  readonly #guests: Guests;
  /** The instance on which each machine was started last by this server: a hint. */
  readonly #instances = new Map<MachineId, string>();

  constructor(incus: Incus) {
    this.#incus = incus;
    this.#guests = new Guests(incus);
  }

  async start(spec: MachineSpec, call: Call): Promise<void> {
    const { machineId, diskId, name, cpus, memoryMb, fresh } = spec;
    const { signal } = call;
    const instance = diskName(diskId);
    const found = await claimInstance(this.#incus, instance, call);
    if (found === null) throw failedForGood("The machine's disk is missing.", { detail: instance });
    const config = configOf(found.value);
    for (const other of await this.#on(machineId, signal))
      if (other.name !== instance) await this.#end(other.name, 0, call);
    this.#remember(machineId, instance);
    let { etag } = found;
    if (isOn(found.value)) {
      if (config[marks.machine] === String(machineId)) return;
      await stopInstance(this.#incus, instance, 0, signal);
      etag = (await findInstance(this.#incus, instance, signal))?.etag ?? null;
    }
    const identity = fresh && config[marks.identity] !== 'own' ? 'wanted' : 'own';
    const devices =
      identity === 'wanted'
        ? await noCards(this.#incus, signal)
        : await machineCards(this.#incus, machineId, signal);
    await changeInstance(
      this.#incus,
      instance,
      {
        'limits.cpu': String(cpus),
        'limits.memory': `${memoryMb}MiB`,
        [marks.machine]: String(machineId),
        [marks.name]: name,
        [marks.identity]: identity,
        [marks.guest]: '',
      },
      signal,
      { devices, etag },
    );
    this.#guests.forget(instance);
    await startInstance(this.#incus, instance, signal).catch((error) => {
      if (!(error instanceof IncusRefusal) || error.retry === 'later') throw error;
      throw failedForNow('The machine did not come up: Incus could not start it.', {
        cause: error,
        ...(error.detail !== undefined && { detail: error.detail }),
      });
    });
  }

  async state(machineId: MachineId, signal: AbortSignal): Promise<MachineState> {
    const on = await this.#found(machineId, signal);
    return on === null ? 'off' : this.#guests.state(on);
  }

  async stop({ machineId, graceMs, diskId }: StopSpec, call: Call): Promise<void> {
    const { signal } = call;
    // Throws when the disk's member does not answer: the machine may be on there.
    const believed = diskId && (await findInstance(this.#incus, diskName(diskId), signal));
    const names = new Set((await this.#on(machineId, signal)).map(({ name }) => name));
    if (believed && configOf(believed.value)[marks.machine] === String(machineId))
      names.add(believed.value.name);
    for (const name of names) await this.#end(name, graceMs, call);
    this.#instances.delete(machineId);
  }

  /**
   * The machines that are on. The state of those on a member that does not answer is not known.
   * Throws `unavailable` while machines move to another member, because they are off meanwhile.
   */
  async running(signal: AbortSignal): Promise<Set<MachineId>> {
    if (await this.#incus.operations.isMoving(signal))
      throw failedForNow('The cluster moves machines between its members; try again when it has.');
    const on = (await listInstances(this.#incus, signal)).filter(isOn);
    const ids = on.flatMap((one) => {
      const id = Number(configOf(one)[marks.machine] ?? Number.NaN);
      return Number.isSafeInteger(id) ? [id as MachineId] : [];
    });
    return new Set(ids);
  }

  async exec({ machineId, command }: ExecSpec, signal: AbortSignal): Promise<ExecResult> {
    const on = await this.#found(machineId, signal);
    if (on === null || this.#guests.state(on) === 'on')
      throw new AppError(
        'machine_not_ready',
        `Machine ${machineId} is ${on === null ? 'off' : 'starting'}; start it, and wait until it is ready.`,
      );
    const output = { stdout: new OutputTail(), stderr: new OutputTail() };
    const { exitCode, ended } = await runInside(
      this.#incus,
      on.name,
      {
        command,
        limitMs: execMs,
        outputBytesMax: printedBytesMax,
        onOutput: (from, chunk) => output[from].push(chunk),
      },
      signal,
    );
    if (exitCode === null)
      throw failedForNow(
        ended === 'output'
          ? `The command printed more than ${printedBytesMax} bytes, and was ended.`
          : `The command did not end within ${execMs / 1000} s, and was ended.`,
      );
    return { exitCode, stdout: output.stdout.toString(), stderr: output.stderr.toString() };
  }

  async console(machineId: MachineId, signal: AbortSignal): Promise<string> {
    const name = this.#instances.get(machineId) ?? (await this.#on(machineId, signal))[0]?.name;
    if (name === undefined) return '';
    const stream = await this.#incus.client
      .download(`/1.0/instances/${name}/console`, signal)
      .catch((error) => {
        if (error instanceof IncusRefusal) return null;
        throw error;
      });
    let end = Buffer.alloc(0);
    for await (const chunk of stream ?? [])
      end = Buffer.concat([end, chunk as Buffer]).subarray(-consoleBytes);
    return end.toString();
  }

  /** See `Console.open`. */
  async openConsole(machineId: MachineId, signal: AbortSignal): Promise<Duplex> {
    const on = await this.#found(machineId, signal);
    if (on === null)
      throw new AppError(
        'machine_not_ready',
        `Machine ${machineId} is off; start it: silversmith machine start ${machineId}`,
      );
    const history = await this.console(machineId, signal);
    return openInstanceConsole(this.#incus, on.name, history, signal);
  }

  close = () => this.#guests.close();

  async #end(name: string, graceMs: number, call: Call): Promise<void> {
    if ((await claimInstance(this.#incus, name, call)) === null) return;
    await stopInstance(this.#incus, name, graceMs, call.signal);
  }

  /** The instance on which the machine is on. Throws when that one's member does not answer. */
  async #found(machineId: MachineId, signal: AbortSignal): Promise<Instance | null> {
    const known = this.#instances.get(machineId);
    const found = known === undefined ? null : await findInstance(this.#incus, known, signal);
    if (found && isOn(found.value) && configOf(found.value)[marks.machine] === String(machineId))
      return found.value;
    const [on] = await this.#on(machineId, signal);
    if (on) this.#remember(machineId, on.name);
    return on ?? null;
  }

  async #on(machineId: MachineId, signal: AbortSignal): Promise<Instance[]> {
    const filter = `config.${marks.machine} eq ${machineId}`;
    const { value } = await this.#incus.client.get(Type.Array(Instance), '/1.0/instances', signal, {
      recursion: '1',
      filter,
    });
    return value.filter(
      (one) =>
        isOn(one) &&
        configOf(one)[marks.machine] === String(machineId) &&
        configOf(one)[marks.installation] === this.#incus.installation,
    );
  }

  #remember(machineId: MachineId, name: string): void {
    this.#instances.delete(machineId);
    this.#instances.set(machineId, name);
    for (const id of this.#instances.keys()) {
      if (this.#instances.size <= rememberedMax) return;
      this.#instances.delete(id);
    }
  }
}
