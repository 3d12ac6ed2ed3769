// The networks of simulated machines, which reach nothing and are reached by nobody.

import type { Forward } from '../../domain/machine-network.ts';
import type { Network } from '../optional/network.ts';
import type { StateFile } from './state.ts';

export const networkIn = (file: StateFile): Network => ({
  everyMs: null,
  lacks: null,
  async care({ machineId, forwards }) {
    const machine = (await file.current()).machines[machineId];
    if (!machine) return null;
    const faults = new Map<Forward, string>();
    if (machine.name.includes('sim-port-taken'))
      for (const forward of forwards)
        faults.set(forward, `The host cannot listen on ${forward.port}: it is taken on purpose.`);
    return { addresses: machine.name.includes('sim-address') ? ['10.20.0.5'] : [], faults };
  },
  remains: async () => [],
});
