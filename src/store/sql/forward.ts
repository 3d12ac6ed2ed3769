// Queries on the ports of the host that lead to machines.

import type { MachineId } from '../../domain/ids.ts';
import type { KeptForward, NewForward } from '../../domain/machine-network.ts';
import type { ForwardReader, ForwardWriter } from '../port/forward.ts';
import { Queries } from './scope.ts';

export class SqlForwardReader extends Queries implements ForwardReader {
  ofMachines(ids: readonly MachineId[]): Promise<KeptForward[]> {
    return this.within(this.db.selectFrom('machineForward'))
      .where('machineId', 'in', this.among(ids))
      .selectAll()
      .orderBy('id')
      .execute();
  }
}

export class SqlForwardWriter extends SqlForwardReader implements ForwardWriter {
  add(forward: NewForward): Promise<KeptForward | undefined> {
    this.assertOwn(forward);
    return this.db
      .insertInto('machineForward')
      .values({ ...forward, openedAt: null, fault: null, createdAt: this.now() })
      .onConflict((conflict) => conflict.columns(['protocol', 'port']).doNothing())
      .returningAll()
      .executeTakeFirst();
  }

  async remove(machineId: MachineId, id: number): Promise<boolean> {
    const { numDeletedRows } = await this.within(this.db.deleteFrom('machineForward'))
      .where('id', '=', id)
      .where('machineId', '=', machineId)
      .executeTakeFirstOrThrow();
    return numDeletedRows === 1n;
  }

  async removeOf(machineId: MachineId): Promise<void> {
    await this.within(this.db.deleteFrom('machineForward'))
      .where('machineId', '=', machineId)
      .execute();
  }

  async note(id: number, seen: Pick<KeptForward, 'openedAt' | 'fault'>): Promise<void> {
    const { openedAt, fault } = seen;
    await this.within(this.db.updateTable('machineForward'))
      .set({ openedAt, fault })
      .where('id', '=', id)
      .execute();
  }
}
