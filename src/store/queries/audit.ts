// Queries on what was done over the API, and on the answers kept for a request that is sent again.

import type { ImageId, KeyId, MachineId } from '../../domain/ids.ts';
import type { AuditEntry, Db, Scope } from '../schema.ts';

export interface AuditFilter {
  /** ms since 1970, inclusive. */
  from: number;
  to: number;
  action?: string | undefined;
  machineId?: MachineId | undefined;
  limit: number;
}

export type NewAuditEntry = Omit<AuditEntry, 'id' | 'createdAt' | 'imageId' | 'machineId'> & {
  imageId?: ImageId | null;
  /** One entry for each machine; one without a machine when there is none. */
  machineIds?: readonly MachineId[];
};

export const auditQueries = (db: Db, scope: Scope, now: () => number) => ({
  async add({ machineIds = [], imageId = null, ...entry }: NewAuditEntry): Promise<void> {
    if (scope === 'system') throw new TypeError('an audit entry belongs to an organisation');
    const createdAt = now();
    const machines = machineIds.length > 0 ? machineIds : [null];
    const rows = machines.map((machineId) => ({ ...entry, imageId, machineId, organisationId: scope, createdAt }));
    await db.insertInto('audit').values(rows).execute();
  },

  /** Newest first, at most `limit`, and the number of all matches. */
  async list({ from, to, action, machineId, limit }: AuditFilter): Promise<{ entries: AuditEntry[]; count: number }> {
    let matching = db.selectFrom('audit').where('createdAt', '>=', from).where('createdAt', '<=', to);
    if (scope !== 'system') matching = matching.where('organisationId', '=', scope);
    if (action !== undefined) matching = matching.where('action', '=', action);
    if (machineId !== undefined) matching = matching.where('machineId', '=', machineId);
    const entries = await matching
      .select(['id', 'keyId', 'action', 'imageId', 'machineId', 'requestId', 'clientCode', 'createdAt'])
      .orderBy('id', 'desc')
      .limit(limit)
      .execute();
    const { count } = await matching.select((e) => e.fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
    return { entries, count: Number(count) };
  },
});

export const idempotencyQueries = (db: Db) => ({
  list: () => db.selectFrom('idempotency').select(['keyId', 'idempotencyKey', 'answer']).execute(),
  async reseal(keyId: KeyId, idempotencyKey: string, answer: string): Promise<void> {
    await db
      .updateTable('idempotency')
      .set({ answer })
      .where('keyId', '=', keyId)
      .where('idempotencyKey', '=', idempotencyKey)
      .execute();
  },
  /** An answer is given again for as long as it is kept: to a clock that jumped, every one would be over. */
  find: (keyId: KeyId, idempotencyKey: string) =>
    db
      .selectFrom('idempotency')
      .where('keyId', '=', keyId)
      .where('idempotencyKey', '=', idempotencyKey)
      .select(['requestDigest', 'answer'])
      .executeTakeFirst(),
  async keep(
    keyId: KeyId,
    idempotencyKey: string,
    requestDigest: string,
    answer: string,
    expiresAt: number,
  ): Promise<void> {
    await db.insertInto('idempotency').values({ keyId, idempotencyKey, requestDigest, answer, expiresAt }).execute();
  },
  /** Forgets those that were over before a time. */
  async prune(before: number): Promise<void> {
    await db.deleteFrom('idempotency').where('expiresAt', '<=', before).execute();
  },
});
