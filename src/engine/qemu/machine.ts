// Starts, stops and watches machines: QEMU processes that outlive the server. The operating system
// is asked which machines are on; nothing is remembered.

import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineId } from '../../domain/ids.ts';
import { exists } from '../../lib/files.ts';
import { type Identity, identityOf } from '../identity.ts';
import type { MachineSpec, MachineState, Started } from '../port/machines.ts';
import { agentAnswers, agentShutdown } from './agent.ts';
import { card } from './card.ts';
import { cloningMark, emptyDisk, startClone } from './clone.ts';
import { giveBack, readRing } from './console.ts';
import type { Host } from './host.ts';
import { LateWork } from './late-work.ts';
import { isLarger, prepareGuest, tpmMark } from './machine-guest.ts';
import { type Networks, readConnection } from './network.ts';
import { Newcomer } from './newcomer.ts';
import type { Paths } from './paths.ts';
import {
  endProcess,
  type Found,
  findProcess,
  findProcesses,
  hasDisk,
  type Own,
  waitGone,
} from './process.ts';
import { monitorCall } from './qmp.ts';
import { takeRing } from './ring.ts';
import type { TemplateMemories } from './template-memory.ts';
import { endTpm, launchGuest } from './tpm.ts';
import { askPulse, hasEnded } from './vitals.ts';

const monitorMs = 5000;
const agentMs = 1500;
const trimMs = 15_000;
const pollMs = 250;
const consoleBytesKept = 16_384;

export class Machines {
  readonly #host: Host;
  readonly #own: Own;
  readonly #paths: Paths;
  readonly #networks: Networks;
  readonly #memories: TemplateMemories;
  readonly #late = new LateWork();
  /**
   * Both hold entries only while a machine starts: the console output so far, and the new identity
   * for a fresh disk.
   */
  readonly #consoles = new Map<MachineId, string>();
  readonly #newcomers = new Map<MachineId, Newcomer>();

  constructor(host: Host, own: Own, networks: Networks, memories: TemplateMemories) {
    this.#host = host;
    this.#own = own;
    this.#paths = own.paths;
    this.#networks = networks;
    this.#memories = memories;
  }

  #find(id: MachineId): Promise<Found | undefined> {
    return findProcess(this.#own, 'machine', id);
  }

  async start(spec: MachineSpec, signal: AbortSignal): Promise<Started> {
    const { machineId, template } = spec;
    const running = await this.#find(machineId);
    const [folder, run] = [this.#paths.machine(machineId), this.#paths.run('machine', machineId)];
    const cloning = cloningMark(folder);
    const identity = identityOf(spec.diskId, spec.name, machineId);
    const hasCard = this.#networks.networkOf(spec) !== 'none';
    const welcome = (sockets: string) =>
      spec.fresh ? this.#welcome(spec, identity, { sockets, hasCard }) : undefined;
    if (running) {
      // The guest says only once that it is ready. A server that died while it read that has lost
      // it, so the machine is started anew.
      const isWhole = !(await exists(join(folder, 'asking'))) && !(await exists(cloning));
      const isSound = isWhole && !hasEnded(await askPulse(running.folder));
      if (hasDisk(running, spec.diskId) && isSound) {
        await welcome(running.folder);
        return { how: 'cold', because: null };
      }
      await endProcess(running);
    }
    const context = { host: this.#host, ...this.#own };
    // A clone that was not given an identity of its own has written to the disk.
    if (spec.fresh && (await exists(cloning))) await emptyDisk(spec, signal, context);
    const clear = async () => {
      await this.#removeFolders(machineId);
      this.#forget(machineId);
    };
    await clear();
    let because: string | null = null;
    if (spec.fresh && template) {
      because = await startClone({ ...spec, template }, identity, signal, {
        ...context,
        connection: await this.#networks.prepare(spec),
        memories: this.#memories,
        late: this.#late,
      });
      if (because === null) return { how: 'instant' };
      await clear();
    }
    const connection = await this.#networks.prepare(spec);
    const prepared = await prepareGuest(spec, identity, { ...context, connection });
    const launching = { ...prepared, kind: 'machine' as const, id: machineId };
    await launchGuest(launching, context, signal).catch(async (error) => {
      if (connection.card !== null) await this.#networks.clear(machineId);
      throw error;
    });
    await welcome(run);
    return { how: 'cold', because };
  }

  /** Removes the folders of a machine that is off, when its TPM has ended too. */
  async #removeFolders(id: MachineId): Promise<void> {
    const folder = this.#paths.machine(id);
    if (await exists(join(folder, tpmMark))) await endTpm(this.#own, 'machine', id);
    for (const path of [folder, this.#paths.run('machine', id)])
      await rm(path, { recursive: true, force: true });
  }

  /**
   * Lets a machine on a fresh disk run, without a link on its card until it has an identity. Does
   * no harm to a machine that runs already.
   */
  async #welcome(
    spec: MachineSpec,
    identity: Identity,
    { sockets, hasCard }: { sockets: string; hasCard: boolean },
  ): Promise<void> {
    const id = spec.machineId;
    if (this.#newcomers.has(id)) return;
    const ask = (execute: string, args?: Record<string, unknown>) =>
      monitorCall(join(sockets, 'qmp.sock'), execute, args, monitorMs);
    if (((await ask('query-status')) as { status?: unknown } | null)?.status === 'prelaunch') {
      await ask('set_link', { name: card, up: false });
      await ask('cont');
    }
    const giveLink = async () => {
      if (hasCard) await ask('set_link', { name: card, up: true });
    };
    const grows = await isLarger(spec, this.#paths);
    const agent = join(sockets, 'agent.sock');
    this.#newcomers.set(id, new Newcomer({ identity, grows, agent, giveLink }));
  }

  #forget(id: MachineId): void {
    this.#newcomers.delete(id);
    this.#consoles.delete(id);
  }

  /**
   * The text that came into the ring of results since it was last read; null when the monitor did
   * not answer in time.
   */
  #readResult({ folder }: Found): Promise<string | null> {
    const socket = join(folder, 'qmp.sock');
    return takeRing((execute, args) => monitorCall(socket, execute, args, monitorMs), 'result');
  }

  /**
   * Returns the end of a machine's console output since its start. For a machine that went off,
   * returns only the output that was read before.
   */
  async console(id: MachineId): Promise<string> {
    const running = await this.#find(id);
    const said = running ? await readRing(running.folder).then(String, () => '') : '';
    const shown = ((this.#consoles.get(id) ?? '') + said).slice(-consoleBytesKept);
    this.#consoles.set(id, shown);
    return shown;
  }

  async state(id: MachineId): Promise<MachineState> {
    const running = await this.#find(id);
    if (!running) return 'off';
    const pulse = await askPulse(running.folder);
    if (hasEnded(pulse)) return pulse === 'off' ? 'off' : 'crashed';
    const folder = this.#paths.machine(id);
    const [mark, asking] = [join(folder, 'ready'), join(folder, 'asking')];
    if (await exists(mark)) return 'ready';
    if (await exists(cloningMark(folder))) return 'on';
    await putMark(asking);
    const said = await this.#readResult(running);
    const state = await this.#heard(id, running, said ?? '');
    if (state === 'on') {
      // An answer that comes too late is lost. The mark stays then, so that the next start does not
      // trust this one.
      if (said !== null) await rm(asking);
      return state;
    }
    await rename(asking, mark);
    // Who opens the console later sees how the machine came up.
    await giveBack(running.folder, this.#consoles.get(id) ?? '').catch(() => {});
    this.#forget(id);
    return state;
  }

  async #heard(id: MachineId, { folder }: Found, said: string): Promise<'on' | 'ready' | 'copy'> {
    const [shown, newcomer] = [await this.console(id), this.#newcomers.get(id)];
    if (newcomer) return newcomer.state(said, shown);
    if (said.includes('silversmith-ready')) return 'ready';
    return (await agentAnswers(join(folder, 'agent.sock'), agentMs)) ? 'ready' : 'on';
  }

  async stop(
    { machineId: id, graceMs }: { machineId: MachineId; graceMs: number },
    signal: AbortSignal,
  ): Promise<void> {
    const running = await this.#find(id);
    if (running) {
      if (graceMs > 0 && !hasEnded(await askPulse(running.folder)))
        await askToPowerOff(running, graceMs, signal);
      await endProcess(running);
    }
    this.#forget(id);
    if ((await readConnection(this.#paths.machine(id))).card !== null)
      await this.#networks.clear(id);
    await this.#removeFolders(id);
  }

  close(): void {
    this.#late.close();
  }

  async running(): Promise<Set<MachineId>> {
    const found = await findProcesses(this.#own, 'machine');
    return new Set(found.map(({ id }) => Number(id) as MachineId));
  }
}

/** Asks by the agent, else by the power button; resolves when it is off or its time is over. */
async function askToPowerOff(running: Found, graceMs: number, signal: AbortSignal): Promise<void> {
  const agent = join(running.folder, 'agent.sock');
  const asked = await agentShutdown(agent, Math.min(trimMs, graceMs / 2), signal);
  signal.throwIfAborted();
  if (!asked)
    await monitorCall(
      join(running.folder, 'qmp.sock'),
      'system_powerdown',
      undefined,
      monitorMs,
    ).catch(() => {});
  const end = performance.now() + graceMs;
  // QEMU stays when its guest has powered off, until it is ended.
  while (!hasEnded(await askPulse(running.folder)))
    if (await waitGone(running, Math.min(pollMs, end - performance.now()), signal)) return;
    else if (performance.now() >= end) return;
}

/** Makes an empty file when the name is free, and follows no link. */
async function putMark(path: string): Promise<void> {
  await writeFile(path, '', { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}
