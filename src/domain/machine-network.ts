// The network of a machine: which kind of card it has, and the ports of the host that lead to it.

import type { MachineId, OrganisationId } from './ids.ts';

/**
 * `none`: no card. `user`: QEMU's own network, in which the machine is reached by forwarded ports
 * only. `bridge:NAME`: a port of a bridge that the operator has made. `tap`: a device of the host
 * that the operator connects.
 */
export type MachineNetwork = 'none' | 'user' | 'tap' | `bridge:${string}`;

/** The name of a bridge is one that the kernel takes, and that no command takes for an option. */
const network = /^(none|user|tap|bridge:[A-Za-z0-9][A-Za-z0-9_.-]{0,14})$/;

const isNetwork = (text: string): text is MachineNetwork => network.test(text);

/** What the text says; null when it says no network. */
export const parseMachineNetwork = (text: string): MachineNetwork | null =>
  isNetwork(text) ? text : null;

/** The name of the bridge; null for another network. */
export const bridgeOf = (network: MachineNetwork): string | null =>
  network.startsWith('bridge:') ? network.slice('bridge:'.length) : null;

export const networkHelp = 'none, user, tap, or bridge:NAME with the name of a bridge of the host';

/** A port of the host that leads to a port of a machine. */
export interface Forward {
  protocol: 'tcp' | 'udp';
  /** The IPv4 address of the host on which the port listens. */
  address: string;
  port: number;
  guestPort: number;
}

export interface NewForward extends Forward {
  organisationId: OrganisationId;
  machineId: MachineId;
}

/** A port as the store keeps it. */
export interface KeptForward extends NewForward {
  id: number;
  /** Since when the port is open while its machine is on; null when it was not opened yet. */
  openedAt: number | null;
  /** Why it could not be opened; null when it could, or nobody has tried. */
  fault: string | null;
  createdAt: number;
}

/** Which ports of the host may lead to machines. */
export interface Forwarding {
  /** The network of machines whose type has no other; null: of an engine that has no such ports. */
  network: MachineNetwork | null;
  /** The addresses of the host; the first where none is named. */
  addresses: readonly string[];
  ports: { first: number; last: number };
}

export const defaultForwarding: Forwarding = {
  network: 'none',
  addresses: ['127.0.0.1'],
  ports: { first: 2000, last: 32_767 },
};
