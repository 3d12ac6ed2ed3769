// Finds machines that QEMU paused because their host was full, and lets them go on.

import { join } from 'node:path';
import type { MachineId } from '../../domain/ids.ts';
import type { Pause } from '../optional/pause.ts';
import { agentSetTime } from './agent.ts';
import { findProcess, findProcesses, type Own } from './process.ts';
import { monitorCall } from './qmp.ts';
import { askPulse } from './vitals.ts';

const [monitorMs, agentMs] = [5000, 1500];

export const pauseIn = (own: Own): Pause => ({
  async paused() {
    const paused = new Set<MachineId>();
    // A machine that goes off at this moment must not hold up the others.
    for (const { id, folder } of await findProcesses(own, 'machine'))
      if ((await askPulse(folder)) === 'paused') paused.add(Number(id) as MachineId);
    return paused;
  },

  async resume(id) {
    const running = await findProcess(own, 'machine', id);
    if (!running) return false;
    const socket = join(running.folder, 'qmp.sock');
    const goesOn = await monitorCall(socket, 'cont', undefined, monitorMs).then(
      () => true,
      () => false,
    );
    // Its clock stood still meanwhile. A guest without an agent keeps the time that it has.
    if (goesOn) await agentSetTime(join(running.folder, 'agent.sock'), agentMs);
    return goesOn;
  },
});
