// Queries on access links.

import type { AccessLink } from '../../domain/access.ts';
import type { MachineId } from '../../domain/ids.ts';
import type { AccessReader, AccessWriter } from '../port/access.ts';
import { Queries } from './scope.ts';

export class SqlAccessReader extends Queries implements AccessReader {
  find(tokenHash: string): Promise<AccessLink | undefined> {
    return this.#inTime()
      .where('tokenHash', '=', tokenHash)
      .where('usedAt', 'is', null)
      .executeTakeFirst();
  }

  findUsed(sessionHash: string): Promise<AccessLink | undefined> {
    return this.#inTime().where('sessionHash', '=', sessionHash).executeTakeFirst();
  }

  #inTime() {
    return this.within(this.db.selectFrom('accessLink'))
      .where('expiresAt', '>', this.now())
      .where('keyId', 'in', (key) =>
        key
          .selectFrom('accessKey')
          .where('revokedAt', 'is', null)
          .where(({ or, eb }) =>
            or([eb('expiresAt', 'is', null), eb('expiresAt', '>', this.now())]),
          )
          .select('id'),
      )
      .selectAll();
  }
}

export class SqlAccessWriter extends SqlAccessReader implements AccessWriter {
  async add(link: Omit<AccessLink, 'usedAt' | 'sessionHash' | 'createdAt'>): Promise<void> {
    this.assertOwn(link);
    await this.db
      .insertInto('accessLink')
      .values({ ...link, usedAt: null, sessionHash: null, createdAt: this.now() })
      .execute();
  }

  async use(uid: string, sessionHash: string): Promise<boolean> {
    const result = await this.within(this.db.updateTable('accessLink'))
      .set({ usedAt: this.now(), sessionHash })
      .where('uid', '=', uid)
      .where('usedAt', 'is', null)
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  async removeOf(machineId: MachineId): Promise<void> {
    await this.within(this.db.deleteFrom('accessLink'))
      .where('machineId', '=', machineId)
      .execute();
  }

  async prune(before: number): Promise<void> {
    await this.within(this.db.deleteFrom('accessLink')).where('expiresAt', '<=', before).execute();
  }
}
