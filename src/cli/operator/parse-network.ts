// Parses the network of machines, as a setting and as a part of a machine type.

import {
  type MachineNetwork,
  networkHelp,
  parseMachineNetwork,
} from '../../domain/machine-network.ts';
import { type Parser, refuse } from '../parse.ts';

export const machineNetwork: Parser<MachineNetwork> = (text) =>
  parseMachineNetwork(text) ?? refuse(`Give ${networkHelp}.`);
