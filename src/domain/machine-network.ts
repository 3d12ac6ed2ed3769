// The network of a machine: which kind of card it has, and the ports of the host that lead to it.

/**
 * `none`: no card. `user`: QEMU's own network, in which the machine is reached by forwarded ports
 * only. `bridge:NAME`: a port of a bridge that the operator has made. `tap`: a device of the host
 * that the operator connects.
 */
export type MachineNetwork = 'none' | 'user' | 'tap' | `bridge:${string}`;

/** A name that the kernel takes for a bridge, and that no command takes for an option. */
const bridge = /^bridge:[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/;

const isNetwork = (text: string): text is MachineNetwork =>
  text === 'none' || text === 'user' || text === 'tap' || bridge.test(text);

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
