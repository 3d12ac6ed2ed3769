// Machines: QEMU processes that outlive the server. Whether one is on is asked of the operating system, never remembered.

import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, failedForNow } from '../../domain/error.ts';
import type { MachineId } from '../../domain/ids.ts';
import { exists } from '../../lib/files.ts';
import type { ExecResult, MachineSpec } from '../port.ts';
import { AgentError, agentAnswers, agentExec, agentShutdown } from './agent.ts';
import { qemuArgs } from './command.ts';
import { giveTo, type Host } from './host.ts';
import { makeWritable } from './image-file.ts';
import type { Paths } from './paths.ts';
import { endProcess, type Found, findProcess, findProcesses, hasDisk, processName, waitGone } from './process.ts';
import { monitorCall } from './qmp.ts';
import { hostNameOf, writeMachineSeed } from './seed.ts';

const monitorMs = 5000;
const startMs = 20_000;
const agentMs = 1500;
const pollMs = 50;

export class Machines {
  readonly #host: Host;
  readonly #paths: Paths;
  readonly #installation: string;
  readonly #network: boolean;

  constructor(host: Host, paths: Paths, installation: string, network: boolean) {
    this.#host = host;
    this.#paths = paths;
    this.#installation = installation;
    this.#network = network;
  }

  #name(id: MachineId): string {
    return processName(this.#installation, 'machine', id);
  }

  #find(id: MachineId): Promise<Found | undefined> {
    return findProcess(this.#installation, this.#name(id));
  }

  async start(spec: MachineSpec): Promise<void> {
    const disk = this.#paths.disk(spec.diskId);
    const running = await this.#find(spec.machineId);
    const folder = this.#paths.machine(spec.machineId);
    if (running) {
      // A server that died while it asked took away what the guest had said, perhaps that it is ready; it says so once.
      if (hasDisk(running, spec.diskId) && !(await exists(join(folder, 'asking')))) return;
      await endProcess(running);
    }
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { mode: 0o700 });
    await writeMachineSeed(folder, spec.diskId, hostNameOf(spec.name, spec.machineId));
    await giveTo(this.#host.user, folder);
    // A disk that was brought back from a backup belongs to who copied it.
    await makeWritable(disk, this.#host.user);
    const guest = {
      ...spec,
      name: this.#name(spec.machineId),
      disk: this.#paths.fromGuest(disk),
      seed: 'seed.iso',
      build: false,
      network: this.#network,
    };
    await this.#spawn(qemuArgs(guest, this.#host, this.#paths), folder);
  }

  async #spawn(args: string[], folder: string): Promise<void> {
    const log = openSync(join(folder, 'qemu.log'), 'a', 0o600);
    const child = spawn('qemu-system-x86_64', args, {
      ...this.#host.user,
      cwd: folder,
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    let failure: string | null = null;
    child.once('error', (error) => {
      failure = String(error);
    });
    child.once('exit', (code, signal) => {
      failure ??= `QEMU ended with ${code ?? signal}`;
    });
    child.unref();
    const end = Date.now() + startMs;
    while (Date.now() < end && failure === null) {
      const up = await monitorCall(join(folder, 'qmp.sock'), 'query-status', undefined, monitorMs).catch(() => null);
      if (up !== null) return;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
    const said = await readFile(join(folder, 'qemu.log'), 'utf8').catch(() => '');
    if (child.pid !== undefined && failure === null) process.kill(child.pid, 'SIGKILL');
    const detail = `${failure ?? 'the monitor did not answer'}: ${said.slice(-2000)}`;
    if (/Cannot allocate memory/i.test(said)) {
      throw new AppError(
        'no_capacity',
        'The host has not enough memory to start this machine; stop another one first.',
        { detail, retry: 'later' },
      );
    }
    throw failedForNow('The machine could not be started: QEMU did not come up.', { detail });
  }

  async state(id: MachineId): Promise<'off' | 'on' | 'ready'> {
    if (!(await this.#find(id))) return 'off';
    const folder = this.#paths.machine(id);
    const [mark, asking] = [join(folder, 'ready'), join(folder, 'asking')];
    if (await exists(mark)) return 'ready';
    await writeFile(asking, '');
    const ring = { device: 'result', size: 4096 };
    const said = await monitorCall(join(folder, 'qmp.sock'), 'ringbuf-read', ring, monitorMs).catch(() => null);
    if (
      (typeof said === 'string' && said.includes('silversmith-ready')) ||
      (await agentAnswers(join(folder, 'agent.sock'), agentMs))
    ) {
      await rename(asking, mark);
      return 'ready';
    }
    // What was not answered in time is answered to nobody, and may be lost.
    if (said !== null) await rm(asking);
    return 'on';
  }

  async stop(id: MachineId, graceMs: number): Promise<void> {
    const running = await this.#find(id);
    const folder = this.#paths.machine(id);
    if (running) {
      if (graceMs > 0) {
        const asked = await agentShutdown(join(folder, 'agent.sock'));
        if (!asked)
          await monitorCall(join(folder, 'qmp.sock'), 'system_powerdown', undefined, monitorMs).catch(() => {});
        await waitGone(running, graceMs);
      }
      await endProcess(running);
    }
    await rm(folder, { recursive: true, force: true });
  }

  async running(): Promise<Set<MachineId>> {
    const prefix = processName(this.#installation, 'machine', '');
    const found = await findProcesses(this.#installation);
    return new Set(
      found
        .filter(({ name }) => name.startsWith(prefix))
        .map(({ name }) => Number(name.slice(prefix.length)) as MachineId),
    );
  }

  async resume(): Promise<MachineId[]> {
    const resumed: MachineId[] = [];
    for (const id of await this.running()) {
      const socket = join(this.#paths.machine(id), 'qmp.sock');
      const state = await monitorCall(socket, 'query-status', undefined, monitorMs).catch(() => null);
      if ((state as { status?: string } | null)?.status !== 'io-error') continue;
      // One that is stopped at this moment does not hold up the others.
      if (await monitorCall(socket, 'cont', undefined, monitorMs).catch(() => null)) resumed.push(id);
    }
    return resumed;
  }

  async exec(id: MachineId, command: readonly string[]): Promise<ExecResult> {
    if (!(await this.#find(id)))
      throw new AppError('machine_not_ready', `Machine ${id} is off; start it: silversmith machine start ${id}`);
    try {
      return await agentExec(join(this.#paths.machine(id), 'agent.sock'), command);
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      throw new AppError('unavailable', notRun(id, command[0] ?? '', error), { detail: error.message });
    }
  }
}

function notRun(id: MachineId, command: string, { why, message }: AgentError): string {
  if (why === 'late')
    return `The command did not end within ${message}, and goes on in machine ${id}; start what takes longer in the background.`;
  if (why === 'not run')
    return `Machine ${id} could not run ${JSON.stringify(command)} (${message}); give a program of the guest, such as sh -c '…'.`;
  return `Machine ${id} is on, but its guest agent does not answer; wait until the machine is ready, and see that its image has qemu-guest-agent.`;
}
