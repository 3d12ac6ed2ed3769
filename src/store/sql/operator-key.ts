// Queries on keys of operators.

import type { Selectable } from 'kysely';
import { AppError } from '../../domain/error.ts';
import type { KeyId } from '../../domain/ids.ts';
import type { OperatorKey, OperatorPermission } from '../../domain/operator-key.ts';
import type { OperatorKeyReader, OperatorKeyWriter } from '../port/operator-key.ts';
import { claimedRow } from './key.ts';
import type { Database } from './schema.ts';
import { Queries } from './scope.ts';

const toKey = (row: Selectable<Database['operatorKey']>): OperatorKey => ({
  ...row,
  permissions: JSON.parse(row.permissions) as OperatorPermission[],
});

export class SqlOperatorKeyReader extends Queries implements OperatorKeyReader {
  async find(id: string): Promise<OperatorKey | undefined> {
    const row = await this.db
      .selectFrom('operatorKey')
      .where('id', '=', id as KeyId)
      .selectAll()
      .executeTakeFirst();
    return row && toKey(row);
  }

  async claimed(id: string): Promise<OperatorKey | undefined> {
    const row = await claimedRow(this.db, 'operatorKey', id);
    return row && toKey(row);
  }

  async list(): Promise<OperatorKey[]> {
    const rows = await this.db
      .selectFrom('operatorKey')
      .selectAll()
      .orderBy('createdAt')
      .orderBy('id')
      .execute();
    return rows.map(toKey);
  }

  async page(after: string | null, limit: number): Promise<OperatorKey[]> {
    const rows = await this.db
      .selectFrom('operatorKey')
      .where('id', '>', (after ?? '') as KeyId)
      .selectAll()
      .orderBy('id')
      .limit(limit)
      .execute();
    return rows.map(toKey);
  }
}

type KeyChange = Partial<
  Pick<OperatorKey, 'lastUsedAt' | 'expiresAt' | 'secretSealed' | 'masterKeyId'>
>;

export class SqlOperatorKeyWriter extends SqlOperatorKeyReader implements OperatorKeyWriter {
  async add(key: Omit<OperatorKey, 'createdAt' | 'revokedAt' | 'lastUsedAt'>): Promise<void> {
    const permissions = JSON.stringify(key.permissions);
    const rest = { createdAt: this.now(), revokedAt: null, lastUsedAt: null };
    await this.db
      .insertInto('operatorKey')
      .values({ ...key, permissions, ...rest })
      .execute();
  }

  used(id: KeyId): Promise<void> {
    return this.#update(id, { lastUsedAt: this.now() });
  }

  expire(id: KeyId, expiresAt: number): Promise<void> {
    return this.#update(id, { expiresAt });
  }

  reseal(id: KeyId, secretSealed: string, masterKeyId: string): Promise<void> {
    return this.#update(id, { secretSealed, masterKeyId });
  }

  async #update(id: KeyId, change: KeyChange): Promise<void> {
    await this.db.updateTable('operatorKey').set(change).where('id', '=', id).execute();
  }

  async revoke(id: KeyId): Promise<void> {
    const result = await this.db
      .updateTable('operatorKey')
      .set((e) => ({ revokedAt: e.fn.coalesce('revokedAt', e.val(this.now())) }))
      .where('id', '=', id)
      .executeTakeFirst();
    if (result.numUpdatedRows !== 1n)
      throw new AppError('not_found', `There is no key ${id}; see: silversmith key list`);
  }
}
