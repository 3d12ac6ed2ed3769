// Queries on machine types.

import { AppError } from '../../domain/error.ts';
import type { MachineTypeId } from '../../domain/ids.ts';
import type { MachineType } from '../../domain/machine-type.ts';
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
}

export class SqlMachineTypeWriter extends SqlMachineTypeReader implements MachineTypeWriter {
  add(type: Omit<MachineType, 'id'>): Promise<{ id: MachineTypeId }> {
    return this.db
      .insertInto('machineType')
      .values({ ...type, createdAt: this.now() })
      .returning('id')
      .executeTakeFirstOrThrow();
  }
}
