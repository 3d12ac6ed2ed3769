// The policy of a machine: when it stops because it is idle, and whether it starts again after its
// guest died.

import { invalid } from '../domain/error.ts';
import type { MachineId } from '../domain/ids.ts';
import type { CrashPolicy } from '../domain/machine-life.ts';
import type { ChangeContext } from './context.ts';
import { type MachineView, machineGet } from './machine.ts';

interface Given {
  autoStopS?: number | undefined;
  crashPolicy?: CrashPolicy | undefined;
}

/**
 * Changes the fields that are given. Throws `not_found`, and `invalid` when none is given or the
 * engine cannot do it.
 */
export async function machinePolicySet(
  context: ChangeContext,
  id: MachineId,
  { autoStopS, crashPolicy }: Given,
): Promise<MachineView> {
  const { work, touched } = context;
  await work.machines.get(id);
  touched({ machineIds: [id] });
  if (autoStopS === undefined && crashPolicy === undefined)
    throw invalid('The body names no policy; give auto_stop_threshold or crash_policy, or both.');
  if ((autoStopS ?? 0) > 0 || crashPolicy === 'restart') context.assertEngineHas('vitals');
  await work.machines.update(id, {
    ...(autoStopS !== undefined && { autoStopS, idleAt: null }),
    ...(crashPolicy !== undefined && { crashPolicy }),
    // A machine that is to stay off is not started again by what was planned before.
    ...(crashPolicy === 'off' && { restartAt: null }),
  });
  return machineGet(context, id);
}
