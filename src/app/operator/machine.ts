// Machines on this host, for the operator: commands are run inside them.

import { AppError } from '../../domain/error.ts';
import type { MachineId } from '../../domain/ids.ts';
import { requirePart } from '../../engine/optional/parts.ts';
import { withoutJob } from '../../engine/port/call.ts';
import type { Engine } from '../../engine/port/engine.ts';
import type { Store } from '../../store/port/unit-of-work.ts';
import { change } from './context.ts';

/** The machines of all organisations. */
export const machineList = (store: Store) => store.read('system', (work) => work.machines.all());

/**
 * Runs a command inside a machine, as its root. The trail names the program and not its arguments,
 * which may hold secrets. Throws not-found, and the engine's error for a machine that is not ready.
 */
export const machineExec = change(
  'machineExec',
  (_engine: Engine, id: MachineId, command: readonly string[]) =>
    `machine ${id}: ${command[0] ?? ''}`,
  async ({ store }, engine, id, command) => {
    if (!(await machineList(store)).some((one) => one.id === id))
      throw new AppError('not_found', `There is no machine ${id}; see: silversmith machine list`);
    return requirePart(engine, 'exec').run({ machineId: id, command }, withoutJob());
  },
);
