// The settings of the network of machines.

import { type Parser, refuse } from '../cli/parse.ts';
import { setting } from '../cli/setting.ts';
import {
  type MachineNetwork,
  networkHelp,
  parseMachineNetwork,
} from '../domain/machine-network.ts';
import { type Reach, reaches } from '../engine/qemu/network.ts';

const listed = <Value>(text: string, parse: (part: string) => Value): Value[] =>
  text.split(',').map((part) => parse(part.trim()));

export const machineNetwork: Parser<MachineNetwork> = (text) =>
  parseMachineNetwork(text) ?? refuse(`Give ${networkHelp}.`);

const reachList: Parser<readonly Reach[]> = (text) =>
  listed(
    text,
    (part) =>
      reaches.find((one) => one === part) ??
      refuse(`Give ${reaches.join(' or ')}, or both with a comma between them.`),
  );

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
};
