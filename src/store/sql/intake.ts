// Queries on intakes. Their work is the system's, whichever organisation they count for, so the
// scope does not matter here.

import type { LayerId } from '../../domain/ids.ts';
import type { IntakePart } from '../../domain/intake.ts';
import type { IntakeReader, IntakeWriter } from '../port/intake.ts';
import { Queries } from './scope.ts';

export class SqlIntakeReader extends Queries implements IntakeReader {
  partsOf(layerId: LayerId): Promise<IntakePart[]> {
    return this.db.selectFrom('intake').where('layerId', '=', layerId).selectAll().execute();
  }

  async hasExpired(before: number): Promise<boolean> {
    const found = this.db.selectFrom('intake').select('layerId').where('expiresAt', '<', before);
    return (await found.limit(1).executeTakeFirst()) !== undefined;
  }
}

export class SqlIntakeWriter extends SqlIntakeReader implements IntakeWriter {
  async hold(parts: readonly IntakePart[]): Promise<void> {
    for (const { layerId, part, ...held } of parts)
      await this.db
        .insertInto('intake')
        .values({ layerId, part, ...held })
        .onConflict((conflict) => conflict.columns(['layerId', 'part']).doUpdateSet(held))
        .execute();
  }

  async remove(layerId: LayerId): Promise<void> {
    await this.db.deleteFrom('intake').where('layerId', '=', layerId).execute();
  }

  async removeExpired(before: number): Promise<void> {
    await this.db.deleteFrom('intake').where('expiresAt', '<', before).execute();
  }
}
