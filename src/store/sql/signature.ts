// Queries on signatures that were used.

import type { KeyId } from '../../domain/ids.ts';
import type { SignatureWriter } from '../port/signature.ts';
import { Queries } from './scope.ts';

export class SqlSignatureWriter extends Queries implements SignatureWriter {
  async use(keyId: KeyId, signature: string, expiresAt: number): Promise<boolean> {
    const standsForAll = this.db
      .selectFrom('signature')
      .where('keyId', '=', keyId)
      .where('signature', '=', '')
      .where('expiresAt', '>=', expiresAt)
      .select('keyId');
    const row = this.db
      .selectNoFrom(({ val }) => [
        val(keyId).as('keyId'),
        val(signature).as('signature'),
        val(expiresAt).as('expiresAt'),
      ])
      .where(({ not, exists }) => not(exists(standsForAll)));
    const result = await this.db
      .insertInto('signature')
      .columns(['keyId', 'signature', 'expiresAt'])
      .expression(row)
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return result.numInsertedOrUpdatedRows === 1n;
  }

  async prune(before: number): Promise<void> {
    await this.db.deleteFrom('signature').where('expiresAt', '<', before).execute();
  }
}
