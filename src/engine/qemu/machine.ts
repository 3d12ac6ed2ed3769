// Machines: QEMU processes that outlive the server. Whether one is on is asked of the operating
// system, never remembered.

import { spawn } from 'node:child_process';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, failedForNow } from '../../domain/error.ts';
import type { MachineId } from '../../domain/ids.ts';
import { exists } from '../../lib/files.ts';
import { killGroup } from '../../lib/spawn.ts';
import type { ExecResult } from '../optional/exec.ts';
import type { MachineSpec } from '../port/machines.ts';
import { AgentError, agentAnswers, agentExec, agentShutdown } from './agent.ts';
import { card, qemuArgs } from './command.ts';
import { type Cage, caged } from './confine.ts';
import { giveTo, type Host, prepareFolders } from './host.ts';
import { hardwareOf, type Identity, identityOf } from './identity.ts';
import { makeWritable } from './image-file.ts';
import { Newcomer } from './newcomer.ts';
import { OutputTail } from './output-tail.ts';
import type { Paths } from './paths.ts';
import {
  endProcess,
  type Found,
  findProcess,
  findProcesses,
  hasDisk,
  type Own,
  processName,
  waitGone,
} from './process.ts';
import { monitorCall } from './qmp.ts';
import { writeMachineSeed } from './seed.ts';

const monitorMs = 5000;
const startMs = 20_000;
const agentMs = 1500;
const pollMs = 50;
const trimMs = 15_000;
const agentTriesMax = 3;
/** As large as the rings are; see command.ts. */
const [consoleBytes, resultBytes] = [65_536, 4096];
const consoleBytesKept = 16_384;

export class Machines {
  readonly #host: Host;
  readonly #own: Own;
  readonly #paths: Paths;
  readonly #network: boolean;
  /**
   * What was read of the consoles of machines, and those on fresh disks: both only while a machine
   * is starting.
   */
  readonly #consoles = new Map<MachineId, string>();
  readonly #newcomers = new Map<MachineId, Newcomer>();

  constructor(host: Host, own: Own, network: boolean) {
    this.#host = host;
    this.#own = own;
    this.#paths = own.paths;
    this.#network = network;
  }

  #find(id: MachineId): Promise<Found | undefined> {
    return findProcess(this.#own, 'machine', id);
  }

  async start(spec: MachineSpec): Promise<void> {
    const { machineId } = spec;
    const disk = this.#paths.disk(spec.diskId);
    const running = await this.#find(machineId);
    const [folder, run] = [this.#paths.machine(machineId), this.#paths.run('machine', machineId)];
    const identity = identityOf(spec.diskId, spec.name, machineId);
    const welcome = (sockets: string) =>
      spec.fresh ? this.#welcome(machineId, identity, sockets) : undefined;
    if (running) {
      // A server that died while it asked took away what the guest had said, perhaps that it is
      // ready; it says so once.
      if (hasDisk(running, spec.diskId) && !(await exists(join(folder, 'asking'))))
        return welcome(running.folder);
      await endProcess(running);
    }
    for (const path of [folder, run]) await rm(path, { recursive: true, force: true });
    const user = this.#host.guestUser('machine', machineId);
    const copies = join(folder, 'copies');
    await prepareFolders(folder, [copies]);
    await writeMachineSeed(folder, identity, user.path);
    await mkdir(run, { mode: 0o700 });
    await giveTo(user, run);
    // A disk that was brought back from a backup belongs to who copied it, and one that is new to
    // who made it.
    await makeWritable(disk, user);
    const seed = join(folder, 'seed.iso');
    const guest = {
      ...spec,
      name: processName(this.#own.installation, 'machine', machineId),
      disk: this.#paths.fromGuest(disk),
      seed: this.#paths.fromGuest(seed),
      build: false,
      network: this.#network,
      hardware: hardwareOf(this.#own.installation, machineId),
      ...(spec.fresh ? { fresh: identity } : { fresh: undefined }),
    };
    const cage: Cage = {
      user,
      cwd: run,
      readable: [...this.#paths.chain(spec), seed],
      writable: [run, disk],
      builds: copies,
      network: this.#network,
      kvm: this.#host.accel === 'kvm',
      mortal: false,
    };
    this.#forget(machineId);
    await this.#spawn(qemuArgs(guest, this.#host, this.#paths), cage);
    await welcome(run);
  }

  /**
   * Lets a machine on a fresh disk begin, its card without a link until it has an identity. Also
   * one that was begun.
   */
  async #welcome(id: MachineId, identity: Identity, sockets: string): Promise<void> {
    if (this.#newcomers.has(id)) return;
    const ask = (execute: string, args?: Record<string, unknown>) =>
      monitorCall(join(sockets, 'qmp.sock'), execute, args, monitorMs);
    if (((await ask('query-status')) as { status?: unknown } | null)?.status === 'prelaunch') {
      await ask('set_link', { name: card, up: false });
      await ask('cont');
    }
    const giveLink = async () => {
      if (this.#network) await ask('set_link', { name: card, up: true });
    };
    this.#newcomers.set(id, new Newcomer(identity, join(sockets, 'agent.sock'), giveLink));
  }

  #forget(id: MachineId): void {
    this.#newcomers.delete(id);
    this.#consoles.delete(id);
  }

  async #spawn(args: string[], cage: Cage): Promise<void> {
    const { file, args: all, options } = await caged(cage, 'qemu-system-x86_64', args);
    const child = spawn(file, all, {
      ...options,
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const said = new OutputTail();
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
    let failure: string | null = null;
    child.once('error', (error) => {
      failure = String(error);
    });
    child.once('exit', (code, signal) => {
      failure ??= `QEMU ended with ${code ?? signal}`;
    });
    child.unref();
    try {
      const end = Date.now() + startMs;
      while (Date.now() < end && failure === null) {
        const up = await monitorCall(
          join(cage.cwd, 'qmp.sock'),
          'query-status',
          undefined,
          monitorMs,
        ).catch(() => null);
        if (up !== null) return;
        await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    } finally {
      // What it has to say later goes nowhere: a guest may make it say much.
      child.stderr.destroy();
    }
    killGroup(child);
    const detail = `${failure ?? 'the monitor did not answer'}: ${said.toString().slice(-2000)}`;
    if (/Cannot allocate memory/i.test(detail)) {
      throw new AppError(
        'no_capacity',
        'The host has not enough memory to start this machine; stop another one first.',
        { detail, retry: 'later' },
      );
    }
    throw failedForNow('The machine could not be started: QEMU did not come up.', { detail });
  }

  /**
   * What has come into a ring since it was last read; null when the monitor did not answer in time.
   */
  #read({ folder }: Found, device: 'console' | 'result', size: number): Promise<string | null> {
    return monitorCall(join(folder, 'qmp.sock'), 'ringbuf-read', { device, size }, monitorMs).then(
      (said) => (typeof said === 'string' ? said : null),
      () => null,
    );
  }

  /**
   * The end of what a machine has shown on its console since it was started; of one that went off,
   * what was read before.
   */
  async console(id: MachineId): Promise<string> {
    const running = await this.#find(id);
    const said = running ? await this.#read(running, 'console', consoleBytes) : null;
    const shown = ((this.#consoles.get(id) ?? '') + (said ?? '')).slice(-consoleBytesKept);
    this.#consoles.set(id, shown);
    return shown;
  }

  async state(id: MachineId): Promise<'off' | 'on' | 'ready' | 'copy'> {
    const running = await this.#find(id);
    if (!running) return 'off';
    const folder = this.#paths.machine(id);
    const [mark, asking] = [join(folder, 'ready'), join(folder, 'asking')];
    if (await exists(mark)) return 'ready';
    await putMark(asking);
    const said = await this.#read(running, 'result', resultBytes);
    const state = await this.#heard(id, running, said ?? '');
    if (state === 'on') {
      // What was not answered in time is answered to nobody, and may be lost.
      if (said !== null) await rm(asking);
      return state;
    }
    await rename(asking, mark);
    this.#forget(id);
    return state;
  }

  async #heard(id: MachineId, { folder }: Found, said: string): Promise<'on' | 'ready' | 'copy'> {
    const [shown, newcomer] = [await this.console(id), this.#newcomers.get(id)];
    if (newcomer) return newcomer.state(said, shown);
    if (said.includes('silversmith-ready')) return 'ready';
    return (await agentAnswers(join(folder, 'agent.sock'), agentMs)) ? 'ready' : 'on';
  }

  async stop(id: MachineId, graceMs: number): Promise<void> {
    const running = await this.#find(id);
    if (running) {
      if (graceMs > 0) {
        const asked = await agentShutdown(
          join(running.folder, 'agent.sock'),
          Math.min(trimMs, graceMs / 2),
        );
        if (!asked)
          await monitorCall(
            join(running.folder, 'qmp.sock'),
            'system_powerdown',
            undefined,
            monitorMs,
          ).catch(() => {});
        await waitGone(running, graceMs);
      }
      await endProcess(running);
    }
    this.#forget(id);
    for (const path of [this.#paths.machine(id), this.#paths.run('machine', id)])
      await rm(path, { recursive: true, force: true });
  }

  async running(): Promise<Set<MachineId>> {
    const found = await findProcesses(this.#own, 'machine');
    return new Set(found.map(({ id }) => Number(id) as MachineId));
  }

  async paused(): Promise<Set<MachineId>> {
    const paused = new Set<MachineId>();
    for (const { id, folder } of await findProcesses(this.#own, 'machine')) {
      // One that is stopped at this moment does not hold up the others.
      const state = await monitorCall(
        join(folder, 'qmp.sock'),
        'query-status',
        undefined,
        monitorMs,
      ).catch(() => null);
      if ((state as { status?: unknown } | null)?.status === 'io-error')
        paused.add(Number(id) as MachineId);
    }
    return paused;
  }

  async resume(id: MachineId): Promise<boolean> {
    const running = await this.#find(id);
    if (!running) return false;
    const socket = join(running.folder, 'qmp.sock');
    return monitorCall(socket, 'cont', undefined, monitorMs).then(
      () => true,
      () => false,
    );
  }

  async exec(id: MachineId, command: readonly string[]): Promise<ExecResult> {
    const running = await this.#find(id);
    if (!running)
      throw new AppError(
        'machine_not_ready',
        `Machine ${id} is off; start it: silversmith machine start ${id}`,
      );
    const agent = join(running.folder, 'agent.sock');
    // A guest may say that it is ready a moment before its agent is.
    for (let asked = 1; asked < agentTriesMax && !(await agentAnswers(agent, monitorMs)); asked++);
    try {
      return await agentExec(agent, command);
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      throw new AppError('unavailable', notRun(id, command[0] ?? '', error), {
        detail: error.message,
      });
    }
  }
}

/** Makes an empty file where nothing is, and follows no link. */
async function putMark(path: string): Promise<void> {
  await writeFile(path, '', { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

function notRun(id: MachineId, command: string, { why, message }: AgentError): string {
  if (why === 'late')
    return `The command did not end within ${message}, and goes on in machine ${id}; start what takes longer in the background.`;
  if (why === 'not run')
    return `Machine ${id} could not run ${JSON.stringify(command)} (${message}); give a program of the guest, such as sh -c '…'.`;
  return `Machine ${id} is on, but its guest agent does not answer; wait until the machine is ready, and see that its image has qemu-guest-agent.`;
}
