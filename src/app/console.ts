// The console of a machine, as it was when a start failed.

import type { MachineId } from '../domain/ids.ts';
import type { ReadContext } from './context.ts';

/**
 * Returns the end of the console of the machine's last failed start, or null when no start has
 * failed. Throws `not_found`.
 */
export async function machineConsole({ work }: ReadContext, id: MachineId) {
  const { id: own } = await work.machines.get(id);
  return (await work.machines.console(own)) ?? null;
}
