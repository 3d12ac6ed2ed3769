// The settings of the network of machines.

import { isIPv4 } from 'node:net';
import { machineNetwork } from '../cli/operator/parse-network.ts';
import { type Parser, refuse } from '../cli/parse.ts';
import { setting } from '../cli/setting.ts';
import { defaultForwarding, type MachineNetwork, networkHelp } from '../domain/machine-network.ts';
import { type Reach, reaches } from '../engine/qemu/network.ts';

const listed = <Value>(text: string, parse: (part: string) => Value): Value[] =>
  text.split(',').map((part) => parse(part.trim()));

const reachList: Parser<readonly Reach[]> = (text) =>
  listed(
    text,
    (part) =>
      reaches.find((one) => one === part) ??
      refuse(`Give ${reaches.join(' or ')}, or both with a comma between them.`),
  );

const addressesMax = 8;

const addressList: Parser<readonly string[]> = (text) => {
  const addresses = listed(text, (part) => part);
  return addresses.length <= addressesMax && addresses.every((one) => isIPv4(one))
    ? addresses
    : refuse(
        `Give at most ${addressesMax} IPv4 addresses of this host with commas between them; 0.0.0.0 is all of them.`,
      );
};

const portMax = 65_535;
/** QEMU is not root, so lower ports are not for it. */
const portLeast = 1024;

const portRange: Parser<{ first: number; last: number }> = (text) => {
  const [, first = 0, last = 0] = (/^(\d{1,5})-(\d{1,5})$/.exec(text) ?? []).map(Number);
  return first >= portLeast && last <= portMax && first <= last
    ? { first, last }
    : refuse(`Give the first and the last port, from ${portLeast} on, such as 20000-20999.`);
};

const { addresses: usualAddresses, ports: usualPorts } = defaultForwarding;

export const networkSettings = {
  machineNetwork: setting({
    option: '--machine-network <network>',
    variable: 'SILVERSMITH_MACHINE_NETWORK',
    parse: machineNetwork,
    default: 'none' as MachineNetwork,
    help: `network of machines whose type has no other: ${networkHelp}`,
  }),
  machineReach: setting({
    option: '--machine-reach <what>',
    variable: 'SILVERSMITH_MACHINE_REACH',
    parse: reachList,
    default: [],
    defaultSays: 'neither',
    help: 'what machines may reach beside the internet: host (what listens on this host, from the network user), machines (each other, on a bridge)',
  }),
  forwardAddress: setting({
    option: '--forward-address <addresses>',
    variable: 'SILVERSMITH_FORWARD_ADDRESS',
    parse: addressList,
    default: usualAddresses,
    defaultSays: usualAddresses.join(','),
    help: 'addresses of this host on which ports may lead to machines; the first where none is named',
  }),
  forwardPorts: setting({
    option: '--forward-ports <first-last>',
    variable: 'SILVERSMITH_FORWARD_PORTS',
    parse: portRange,
    default: usualPorts,
    defaultSays: `${usualPorts.first}-${usualPorts.last}`,
    help: 'ports of this host that may lead to machines',
  }),
};
