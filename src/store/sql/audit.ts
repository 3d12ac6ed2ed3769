// Queries on what was done over the API, and on the answers kept for a request that is sent again.

import type { AuditEntry, Touched } from '../../domain/audit.ts';
import type { KeyId, MachineId } from '../../domain/ids.ts';
import { among, type Db, insertAll, type Scope } from './schema.ts';

export interface AuditFilter {
  /** ms since 1970, inclusive. */
  from: number;
  to: number;
  /** Only these; of none there is nothing. */
  actions?: readonly string[] | undefined;
  machineId?: MachineId | undefined;
  limit: number;
}

export type NewAuditEntry = Pick<AuditEntry, 'keyId' | 'action' | 'requestId' | 'clientCode'> &
  Touched;

const prunedMax = 20_000;

export const auditQueries = (db: Db, scope: Scope, now: () => number) => ({
  async add({
    machineIds = [],
    imageId = null,
    transferId = null,
    ...entry
  }: NewAuditEntry): Promise<void> {
    if (scope === 'system') throw new TypeError('an audit entry belongs to an organisation');
    const createdAt = now();
    const machines = machineIds.length > 0 ? machineIds : [null];
    const shared = { ...entry, imageId, transferId, organisationId: scope, createdAt };
    await insertAll(
      db,
      'audit',
      machines.map((machineId) => ({ ...shared, machineId })),
    );
  },

  /** Newest first, at most `limit`, and the number of all matches. */
  async list({
    from,
    to,
    actions,
    machineId,
    limit,
  }: AuditFilter): Promise<{ entries: AuditEntry[]; count: number }> {
    let matching = db
      .selectFrom('audit')
      .where('createdAt', '>=', from)
      .where('createdAt', '<=', to);
    if (scope !== 'system') matching = matching.where('organisationId', '=', scope);
    if (actions !== undefined) matching = matching.where('action', 'in', among(actions));
    if (machineId !== undefined) matching = matching.where('machineId', '=', machineId);
    const entries = await matching
      .select([
        'id',
        'keyId',
        'action',
        'imageId',
        'machineId',
        'transferId',
        'requestId',
        'clientCode',
        'createdAt',
      ])
      .orderBy('createdAt', 'desc')
      .orderBy('id', 'desc')
      .limit(limit)
      .execute();
    const { count } = await matching
      .select((e) => e.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return { entries, count: Number(count) };
  },

  async hasBefore(time: number): Promise<boolean> {
    const row = await db
      .selectFrom('audit')
      .where('createdAt', '<', time)
      .select('id')
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  },
  /**
   * Forgets entries from before a time, the oldest first, and so many at once that nobody waits
   * long for it.
   */
  async prune(before: number): Promise<void> {
    await db
      .deleteFrom('audit')
      .where('id', 'in', (e) =>
        e
          .selectFrom('audit')
          .where('createdAt', '<', before)
          .orderBy('createdAt')
          .limit(prunedMax)
          .select('id'),
      )
      .execute();
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
  /**
   * An answer is given again for as long as it is kept: to a clock that jumped, every one would be
   * over.
   */
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
    await db
      .insertInto('idempotency')
      .values({ keyId, idempotencyKey, requestDigest, answer, expiresAt })
      .execute();
  },
  /** Forgets those that were over before a time. */
  async prune(before: number): Promise<void> {
    await db.deleteFrom('idempotency').where('expiresAt', '<=', before).execute();
  },
});
