// Queries on kept answers.

import type { KeyId } from '../../domain/ids.ts';
import type { IdempotencyReader, IdempotencyWriter, KeptAnswer } from '../port/idempotency.ts';
import { Queries } from './scope.ts';

export class SqlIdempotencyReader extends Queries implements IdempotencyReader {
  list(): Promise<{ keyId: KeyId; idempotencyKey: string; answer: string }[]> {
    return this.db
      .selectFrom('idempotency')
      .select(['keyId', 'idempotencyKey', 'answer'])
      .execute();
  }

  find(keyId: KeyId, idempotencyKey: string): Promise<KeptAnswer | undefined> {
    return this.db
      .selectFrom('idempotency')
      .where('keyId', '=', keyId)
      .where('idempotencyKey', '=', idempotencyKey)
      .select(['requestDigest', 'answer'])
      .executeTakeFirst();
  }
}

export class SqlIdempotencyWriter extends SqlIdempotencyReader implements IdempotencyWriter {
  async keep(
    keyId: KeyId,
    idempotencyKey: string,
    requestDigest: string,
    answer: string,
    expiresAt: number,
  ): Promise<void> {
    await this.db
      .insertInto('idempotency')
      .values({ keyId, idempotencyKey, requestDigest, answer, expiresAt })
      .execute();
  }

  async reseal(keyId: KeyId, idempotencyKey: string, answer: string): Promise<void> {
    await this.db
      .updateTable('idempotency')
      .set({ answer })
      .where('keyId', '=', keyId)
      .where('idempotencyKey', '=', idempotencyKey)
      .execute();
  }

  async forget(keyId: KeyId, idempotencyKey: string): Promise<void> {
    await this.db
      .deleteFrom('idempotency')
      .where('keyId', '=', keyId)
      .where('idempotencyKey', '=', idempotencyKey)
      .execute();
  }

  async prune(before: number): Promise<void> {
    await this.db.deleteFrom('idempotency').where('expiresAt', '<=', before).execute();
  }
}
