// Follows a guest from its start until it is ready: it answers, a fresh disk gets an identity of
// its own, its network cards are connected, and its services are up. How far it came is kept on the
// instance, so every server can tell. Work under way is in the memory of one server; when that
// dies, the next question begins it again, and each step finds what was done.

import type { DiskId, MachineId } from '../../domain/ids.ts';
import { renewScript } from '../guest-script.ts';
import { hardwareOf, identityOf } from '../identity.ts';
import type { MachineState } from '../port/machines.ts';
import type { Instance } from './answer.ts';
import { type Incus, idIn, marks } from './context.ts';
import { runInside } from './exec.ts';
import { changeInstance, configOf, type Devices, findInstance, isOn } from './instance.ts';
import { cardsOf } from './project.ts';

/** Making host keys takes long on a busy host. */
const identityMs = 180_000;
const identityTries = 3;
const servicesMs = 120_000;
const againMs = 500;
const outputBytesMax = 64 * 1024;

/** Waits for the services of a guest that has systemd; any other guest is up when it answers. */
const whenUp =
  'if [ -d /run/systemd/system ]; then timeout 100 systemctl is-system-running --wait; fi; exit 0';

/** The machine's network cards, with addresses that follow the machine and not its disk. */
export async function machineCards(
  { client, profile, installation }: Incus,
  machine: MachineId,
  signal: AbortSignal,
): Promise<Devices> {
  const cards = await cardsOf(client, profile, signal);
  return Object.fromEntries(
    cards.map(([name, device], at) => {
      const { mac } = hardwareOf(installation, machine, at);
      return [name, { ...device, hwaddr: mac }];
    }),
  );
}

/** Devices that take the network cards of the profile away. */
export async function noCards({ client, profile }: Incus, signal: AbortSignal): Promise<Devices> {
  const cards = await cardsOf(client, profile, signal);
  return Object.fromEntries(cards.map(([name]) => [name, { type: 'none' }]));
}

export class Guests {
  readonly #incus: Incus;
  readonly #busy = new Map<string, Promise<void>>();
  readonly #failures = new Map<string, number>();
  readonly #askAt = new Map<string, number>();
  readonly #end = new AbortController();

  constructor(incus: Incus) {
    this.#incus = incus;
  }

  /** How far the guest of an instance that is on has come; goes on with it when nothing does. */
  state(instance: Instance): Exclude<MachineState, 'off'> {
    const { name } = instance;
    const guest = configOf(instance)[marks.guest];
    if (guest === 'ready' || guest === 'copy') return guest;
    if (!this.#busy.has(name) && performance.now() >= (this.#askAt.get(name) ?? 0)) {
      // A guest that does not answer yet is asked again.
      const work = this.#goOn(name)
        .catch(() => {})
        .finally(() => {
          this.#busy.delete(name);
          this.#askAt.set(name, performance.now() + againMs);
        });
      this.#busy.set(name, work);
    }
    return 'on';
  }

  /** Forgets what is known of an instance that is started or removed. */
  forget(name: string): void {
    this.#askAt.delete(name);
    this.#failures.delete(name);
  }

  async close(): Promise<void> {
    this.#end.abort(new Error('the engine is closed'));
    await Promise.all(this.#busy.values());
  }

  async #goOn(name: string): Promise<void> {
    const { signal } = this.#end;
    const found = await findInstance(this.#incus, name, signal);
    if (found === null || !isOn(found.value)) return;
    const config = configOf(found.value);
    const diskId = idIn<DiskId>(name, 'sm-');
    const machine = Number(config[marks.machine]) as MachineId;
    if (diskId === null || !Number.isSafeInteger(machine)) return;
    let isOwn = config[marks.identity] !== 'wanted';
    if (!isOwn) {
      isOwn = await this.#giveIdentity(name, diskId, machine, config[marks.name] ?? '');
      if (!isOwn && (this.#failures.get(name) ?? 0) < identityTries) return;
      const devices = await machineCards(this.#incus, machine, signal);
      const identity = { [marks.identity]: isOwn ? 'own' : 'wanted' };
      await changeInstance(this.#incus, name, identity, signal, { devices });
    }
    await this.#run(name, ['/bin/sh', '-c', whenUp], servicesMs);
    // The mark is for this run of the machine: a start or a stop since changes the instance.
    const now = await findInstance(this.#incus, name, signal);
    if (now === null || !isOn(now.value)) return;
    const guest = { [marks.guest]: isOwn ? 'ready' : 'copy' };
    await changeInstance(this.#incus, name, guest, signal, { etag: now.etag });
  }

  async #giveIdentity(name: string, disk: DiskId, machine: MachineId, title: string) {
    const script = renewScript(identityOf(disk, title, machine), 'all');
    const exitCode = await this.#run(name, ['/bin/sh'], identityMs, script);
    if (exitCode === 0) return true;
    this.#failures.set(name, (this.#failures.get(name) ?? 0) + 1);
    return false;
  }

  async #run(name: string, command: string[], limitMs: number, input = ''): Promise<number | null> {
    const inside = { command, input, limitMs, outputBytesMax, onOutput: () => {} };
    return (await runInside(this.#incus, name, inside, this.#end.signal)).exitCode;
  }
}
