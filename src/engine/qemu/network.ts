// Decides for each machine what card it has and what the host keeps it from, and makes that true
// before the machine begins, and again whenever it may be otherwise.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../domain/error.ts';
import type { MachineId } from '../../domain/ids.ts';
import { bridgeOf, type MachineNetwork } from '../../domain/machine-network.ts';
import { hardwareOf } from '../identity.ts';
import type { MachineSpec } from '../port/machines.ts';
import type { Card } from './card.ts';
import type { Host } from './host.ts';
import { aliases, assertGiven, makeTap, removeTap, runNft, type Tap, tapName } from './tap.ts';
import {
  resolversIn,
  setOpen,
  tapTable,
  tapWall,
  userTable,
  userWall,
  withoutTapWall,
} from './wall.ts';

/**
 * What machines may reach beside what follows from their network. `host`: what listens on this
 * host, from QEMU's own network. `machines`: the other machines on their bridge.
 */
export const reaches = ['host', 'machines'] as const;
export type Reach = (typeof reaches)[number];

export interface NetworkOptions {
  /** Of the machines whose type has no other. */
  network: MachineNetwork;
  reach: readonly Reach[];
}

/** How a machine is connected; a machine without a card has null in the place of each. */
export interface Connection {
  card: Card | null;
  tap: Tap | null;
}

const unconnected: Connection = { card: null, tap: null };

const connectionFile = (folder: string) => join(folder, 'network.json');

/**
 * Notes in the server's folder of a machine how it is connected, which its process cannot change.
 */
export const writeConnection = (folder: string, connection: Connection): Promise<void> =>
  writeFile(connectionFile(folder), JSON.stringify(connection));

/** How the machine on this folder is connected. An earlier version has not noted it. */
export const readConnection = async (folder: string): Promise<Connection> =>
  JSON.parse(await readFile(connectionFile(folder), 'utf8').catch(() => 'null')) ?? unconnected;

export class Networks {
  readonly #host: Host;
  readonly #installation: string;
  readonly #options: NetworkOptions;

  constructor(host: Host, installation: string, options: NetworkOptions) {
    this.#host = host;
    this.#installation = installation;
    this.#options = options;
  }

  get #path(): string {
    return this.#host.user.path;
  }

  /** Whether the server may change the network of the host. */
  get isRoot(): boolean {
    return this.#host.machineUids !== null;
  }

  /** Why machines on QEMU's own network are reached but reach nothing; null when they do. */
  get lacks(): string | null {
    if (this.isRoot || this.#options.network !== 'user' || this.#options.reach.includes('host'))
      return null;
    return 'the server is not root, and cannot keep machines from what listens on this host, so they reach nothing. Start it as root, with nftables, or let them reach this host: --machine-reach host';
  }

  /** Throws `unavailable` with what is missing for the network that machines have. */
  async assertCan(): Promise<void> {
    if (this.isRoot && this.#options.network !== 'none') await runNft(this.#path, 'list tables');
  }

  networkOf({ network }: Pick<MachineSpec, 'network'>): MachineNetwork {
    return network?.kind ?? this.#options.network;
  }

  /** Changes nothing. Throws `unavailable` when the host cannot keep the machine as it must. */
  plan(spec: Pick<MachineSpec, 'machineId' | 'network'>): Connection {
    const network = this.networkOf(spec);
    if (network === 'none') return unconnected;
    const internet = spec.network?.internet ?? true;
    const { mac } = hardwareOf(this.#installation, spec.machineId);
    const isUser = network === 'user';
    if (!isUser && !internet && !this.isRoot)
      throw new AppError(
        'unavailable',
        `Machine ${spec.machineId} may not reach the public internet, and the server cannot keep it from that on its network (${network}), because it is not root. Start the server as root, or permit it: public_internet_access.`,
      );
    const restrict = isUser && !this.isRoot && !(internet && this.#options.reach.includes('host'));
    const name = tapName(this.#installation, spec.machineId);
    return {
      card: { network, restrict, ipv6: this.#host.ipv6, mac },
      tap: isUser ? null : { name, stays: !this.isRoot },
    };
  }

  /** Makes the rules and the device that a machine needs before it begins. Idempotent. */
  async prepare(spec: Pick<MachineSpec, 'machineId' | 'network'>): Promise<Connection> {
    const connection = this.plan(spec);
    const { card, tap } = connection;
    if (card === null) return connection;
    if (tap === null) {
      await this.keep(spec);
      return connection;
    }
    const bridge = bridgeOf(card.network);
    if (tap.stays) await assertGiven(tap.name, bridge);
    else
      await makeTap(this.#path, {
        ...{ name: tap.name, bridge, alias: this.#alias(spec.machineId) },
        uid: this.#uid(spec.machineId),
        isolated: !this.#options.reach.includes('machines'),
        wall: this.#tapWall(spec),
      });
    return connection;
  }

  /** Sets the rules of the host anew for a machine that is on, where it is root. Idempotent. */
  async keep(spec: Pick<MachineSpec, 'machineId' | 'network'>): Promise<void> {
    const network = this.networkOf(spec);
    if (!this.isRoot || network === 'none') return;
    await runNft(this.#path, network === 'user' ? await this.#userWall(spec) : this.#tapWall(spec));
  }

  /** Removes what the host has for a machine that is off. Idempotent. */
  async clear(id: MachineId): Promise<void> {
    if (!this.isRoot) return;
    const left = await this.#left();
    if (left.machines.includes(String(id))) await this.#clear(id);
    const table = userTable(this.#installation);
    if (left.userTable) await runNft(this.#path, setOpen(table, this.#uid(id), false));
  }

  async #clear(id: MachineId | string): Promise<void> {
    await removeTap(this.#path, tapName(this.#installation, id));
    await runNft(this.#path, withoutTapWall(tapTable(this.#installation, id)));
  }

  /** The machines for which the host has a device or a table, and whether it has the common one. */
  async #left(): Promise<{ machines: string[]; userTable: boolean }> {
    // Without nft there are no tables.
    const listed = await runNft(this.#path, 'list tables').catch(() => '');
    const tables = listed.split('\n').map((line) => line.trim());
    const [ofTable, ofDevice] = [
      `table netdev ${tapTable(this.#installation, '')}`,
      this.#alias(''),
    ];
    const names = [...tables, ...(await aliases())];
    const ids = [ofTable, ofDevice].flatMap((start) =>
      names.filter((name) => name.startsWith(start)).map((name) => name.slice(start.length)),
    );
    return {
      machines: [...new Set(ids.filter((id) => /^\d{1,16}$/.test(id)))],
      userTable: tables.includes(`table inet ${userTable(this.#installation)}`),
    };
  }

  /** The machines that are off, by their ids, for which the host still has a device or a table. */
  async remains(on: ReadonlySet<string>): Promise<string[]> {
    if (!this.isRoot) return [];
    return (await this.#left()).machines.filter((id) => !on.has(id));
  }

  /** Removes what the host has for machines other than these. */
  async tidy(on: ReadonlySet<string>): Promise<void> {
    for (const id of await this.remains(on)) await this.#clear(id);
  }

  #alias = (id: MachineId | string) => `silversmith ${this.#installation} machine ${id}`;

  #uid(id: MachineId): number {
    return this.#host.guestUser('machine', id).ids?.uid ?? 0;
  }

  async #userWall({ machineId, network }: Pick<MachineSpec, 'machineId' | 'network'>) {
    const { machineUids: uids } = this.#host;
    if (uids === null) return '';
    const table = userTable(this.#installation);
    const resolvers = resolversIn(await readFile('/etc/resolv.conf', 'utf8').catch(() => ''));
    const reachesHost = this.#options.reach.includes('host');
    return [
      userWall({ table, uids, reachesHost, resolvers }),
      setOpen(table, this.#uid(machineId), network?.internet ?? true),
    ].join('\n');
  }

  #tapWall({ machineId, network }: Pick<MachineSpec, 'machineId' | 'network'>): string {
    return tapWall({
      table: tapTable(this.#installation, machineId),
      device: tapName(this.#installation, machineId),
      mac: hardwareOf(this.#installation, machineId).mac,
      internet: network?.internet ?? true,
    });
  }
}
