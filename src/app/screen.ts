// The picture of a machine's screen.

import type { MachineId } from '../domain/ids.ts';
import { assertReady } from '../domain/machine.ts';
import type { ReadContext } from './context.ts';

/**
 * Returns what takes a picture of a ready machine's screen, and throws like `Views`. The engine may
 * take long, so it is not asked while the store is read. Throws `not_found` and
 * `machine_not_ready`.
 */
export async function machineScreen(
  { work, views }: ReadContext,
  id: MachineId,
): Promise<() => Promise<Buffer>> {
  const machine = await work.machines.get(id);
  assertReady(machine);
  return () => views.picture(machine.id);
}
