// The network card of a guest, for QEMU's command line and, for a guest that runs already, for its
// monitor.

import type { MachineNetwork } from '../../domain/machine-network.ts';

/** The monitor's name of the card's other end, by which its link is cut. */
export const card = 'net';

/** The descriptor on which QEMU gets the tap device of a machine; see tap.ts. */
export const tapFd = 9;

/**
 * The first slot after the bridge, in which the card always was: a guest names its interface after
 * it.
 */
const slot = '0x1';
/** The monitor's name of the port that the card of a machine is in. */
const port = 'card-port';

export interface Card {
  network: Exclude<MachineNetwork, 'none'>;
  /** Whether a guest on QEMU's own network is kept from everything but its forwarded ports. */
  restrict: boolean;
  /** Whether the host has IPv6. A guest that believes in it otherwise waits for it in vain. */
  ipv6: boolean;
  /** Null: QEMU's own, for a guest that is no machine. */
  mac: string | null;
}

/** The fields of a netdev, as both the command line and the monitor name them. */
const netdevOf = ({ network, restrict, ipv6 }: Card): Record<string, string | boolean> =>
  network === 'user'
    ? { type: 'user', id: card, ...(restrict && { restrict }), ...(ipv6 ? {} : { ipv6 }) }
    : { type: 'tap', id: card, fd: String(tapFd) };

const deviceOf = ({ mac }: Card) => ({
  driver: 'virtio-net-pci',
  netdev: card,
  ...(mac === null ? {} : { mac }),
});
const inPort = { id: 'card', bus: port };

const optionOf = ([name, value]: [string, string | boolean], index: number): string => {
  const text = typeof value === 'boolean' ? (value ? 'on' : 'off') : value;
  return index === 0 ? text : `${name}=${text}`;
};
const optionsOf = (fields: Record<string, string | boolean>): string =>
  Object.entries(fields).map(optionOf).join(',');

const pairOf = (given: Card, place: Record<string, string>): string[] => [
  ...['-netdev', optionsOf(netdevOf(given))],
  ...['-device', optionsOf({ ...deviceOf(given), ...place })],
];

/** The card of a build; none for null. */
export const buildCardArgs = (given: Card | null): string[] =>
  given === null ? ['-nic', 'none'] : pairOf(given, { addr: slot });

/**
 * The card of a machine; none for null. Every machine has the port, also one without a card, so
 * that a card can be plugged into a machine that began without one, and has the same name in its
 * guest as after a boot.
 */
export const cardArgs = (given: Card | null): string[] => [
  ...['-nic', 'none', '-device', `pcie-root-port,id=${port},chassis=1,addr=${slot}`],
  ...(given === null ? [] : pairOf(given, inPort)),
];

/** The commands of the monitor that plug the card into a machine that began without one. */
export const cardPlug = (given: Card) =>
  [
    { execute: 'netdev_add', arguments: netdevOf(given) },
    { execute: 'device_add', arguments: { ...deviceOf(given), ...inPort } },
  ] as const;
