// The picture of a machine's screen.

import type { MachineId } from '../domain/ids.ts';
import { assertReady } from '../domain/machine.ts';
import type { ReadContext } from './context.ts';

/** What the screen of a ready machine shows now. Throws `not_found`, and like `Views`. */
export async function machineScreen({ work, views }: ReadContext, id: MachineId): Promise<Buffer> {
  const machine = await work.machines.get(id);
  assertReady(machine);
  return views.picture(machine.id);
}
