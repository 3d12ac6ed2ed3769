// Machines whose TPM has ended while they run, as their status and the doctor show it.

import type { MachineId } from '../domain/ids.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import type { Finding } from './findings.ts';

const tpmEnded =
  'Its TPM has ended, and answers its guest no more; stop the machine and start it again.';

/** Shows it of the ready machines that have lost theirs. */
export async function noteLostTpms(
  store: Store,
  ready: readonly { id: MachineId }[],
  lost: ReadonlySet<MachineId>,
): Promise<void> {
  const ids = ready.filter(({ id }) => lost.has(id)).map(({ id }) => id);
  if (ids.length === 0) return;
  await store.write('system', async (work) => {
    const machineIds: MachineId[] = [];
    for (const id of ids) {
      const machine = await work.machines.find(id);
      if (machine?.status !== 'ready' || machine.statusReason === tpmEnded) continue;
      await work.machines.update(id, { statusReason: tpmEnded });
      machineIds.push(id);
    }
    if (machineIds.length > 0) await work.events.add('changed', { machineIds });
  });
}

export const tpmFindings = (lost: Iterable<MachineId>): Finding[] =>
  [...lost].map((id) => ({
    severity: 'error',
    subject: `machine ${id}`,
    found: 'runs, and its TPM has ended',
    cure: `stop it and start it again: silversmith machine stop ${id}`,
  }));
