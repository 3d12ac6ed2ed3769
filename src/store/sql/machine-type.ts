// Queries on machine types.

import { AppError } from '../../domain/error.ts';
import type { MachineTypeId } from '../../domain/ids.ts';
import type { MachineType, NewMachineType } from '../../domain/machine-type.ts';
import type { OfferUses } from '../../domain/offer.ts';
import type { MachineTypeReader, MachineTypeWriter } from '../port/machine-type.ts';
import { Queries } from './scope.ts';

export class SqlMachineTypeReader extends Queries implements MachineTypeReader {
  async get(id: MachineTypeId): Promise<MachineType> {
    const type = await this.db
      .selectFrom('machineType')
      .where('id', '=', id)
      .selectAll()
      .executeTakeFirst();
    if (type) return type;
    throw new AppError(
      'not_found',
      `There is no machine type ${id}; GET /plans lists what there is.`,
    );
  }

  list(): Promise<MachineType[]> {
    return this.db.selectFrom('machineType').selectAll().orderBy('id').execute();
  }

  async uses(id: MachineTypeId): Promise<OfferUses> {
    const { count } = await this.db
      .selectFrom('machine')
      .where('machineTypeId', '=', id)
      .select((e) => e.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return { images: 0, machines: Number(count), disks: 0 };
  }
}

export class SqlMachineTypeWriter extends SqlMachineTypeReader implements MachineTypeWriter {
  async setRetired(id: MachineTypeId, retiredAt: number | null): Promise<void> {
    await this.db.updateTable('machineType').set({ retiredAt }).where('id', '=', id).execute();
  }

  async remove(id: MachineTypeId): Promise<void> {
    await this.db.deleteFrom('machineType').where('id', '=', id).execute();
  }

  add(type: NewMachineType): Promise<{ id: MachineTypeId }> {
    return this.db
      .insertInto('machineType')
      .values({ network: null, ...type, createdAt: this.now(), retiredAt: null })
      .returning('id')
      .executeTakeFirstOrThrow();
  }
}
