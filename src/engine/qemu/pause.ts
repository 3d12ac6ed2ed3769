// Finds machines that QEMU paused because their host was full, and lets them go on.

import { join } from 'node:path';
import type { MachineId } from '../../domain/ids.ts';
import type { Pause } from '../optional/pause.ts';
import { findProcess, findProcesses, type Own } from './process.ts';
import { monitorCall } from './qmp.ts';

const monitorMs = 5000;

export const pauseIn = (own: Own): Pause => ({
  async paused() {
    const paused = new Set<MachineId>();
    for (const { id, folder } of await findProcesses(own, 'machine')) {
      // A machine that goes off at this moment must not hold up the others.
      const state = await monitorCall(
        join(folder, 'qmp.sock'),
        'query-status',
        undefined,
        monitorMs,
      ).catch(() => null);
      if ((state as { status?: unknown } | null)?.status === 'io-error')
        paused.add(Number(id) as MachineId);
    }
    return paused;
  },

  async resume(id) {
    const running = await findProcess(own, 'machine', id);
    if (!running) return false;
    const socket = join(running.folder, 'qmp.sock');
    return monitorCall(socket, 'cont', undefined, monitorMs).then(
      () => true,
      () => false,
    );
  },
});
