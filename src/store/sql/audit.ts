// Queries on the audit trail.

import { sql } from 'kysely';
import type { AuditEntry } from '../../domain/audit.ts';
import type { AuditFilter, AuditReader, AuditWriter, NewAuditEntry } from '../port/audit.ts';
import type { PageFound } from '../port/page.ts';
import { pruneTrail } from './prune.ts';
import { Queries } from './scope.ts';

const columns = [
  'id',
  'keyId',
  'action',
  'imageId',
  'machineId',
  'transferId',
  'touchedKeyId',
  'webhookId',
  'requestId',
  'clientCode',
  'address',
  'durationMs',
  'createdAt',
] as const;

export class SqlAuditReader extends Queries implements AuditReader {
  async list({
    from,
    to,
    actions,
    machineId,
    limit,
    before,
  }: AuditFilter): Promise<{ entries: AuditEntry[] } & PageFound> {
    let matching = this.within(this.db.selectFrom('audit'))
      .where('createdAt', '>=', from)
      .where('createdAt', '<=', to);
    if (actions !== undefined) matching = matching.where('action', 'in', this.among(actions));
    if (machineId !== undefined) matching = matching.where('machineId', '=', machineId);
    const following = before === undefined ? matching : matching.where(this.#olderThan(before));
    const entries = await following
      .select(columns)
      .orderBy('createdAt', 'desc')
      .orderBy('id', 'desc')
      .limit(limit + 1)
      .execute();
    const { count } = await matching
      .select((e) => e.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return {
      entries: entries.slice(0, limit),
      count: Number(count),
      more: entries.length > limit,
    };
  }

  #olderThan(id: number) {
    const place = this.within(this.db.selectFrom('audit'))
      .where('id', '=', id)
      .select(['createdAt', 'id']);
    return sql<boolean>`(created_at, id) < ${place}`;
  }

  async hasBefore(time: number): Promise<boolean> {
    const row = await this.within(this.db.selectFrom('audit'))
      .where('createdAt', '<', time)
      .select('id')
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }
}

export class SqlAuditWriter extends SqlAuditReader implements AuditWriter {
  async add({
    machineIds = [],
    imageId = null,
    transferId = null,
    touchedKeyId = null,
    webhookId = null,
    address = null,
    durationMs = null,
    ...entry
  }: NewAuditEntry): Promise<void> {
    const organisationId = this.organisation();
    const shared = {
      ...entry,
      imageId,
      transferId,
      touchedKeyId,
      webhookId,
      address,
      durationMs,
      organisationId,
      createdAt: this.now(),
    };
    const machines = machineIds.length > 0 ? machineIds : [null];
    await this.insertAll(
      'audit',
      machines.map((machineId) => ({ ...shared, machineId })),
    );
  }

  prune(before: number): Promise<number> {
    const [entries, gone] = [this.db.selectFrom('audit'), this.db.deleteFrom('audit')];
    return pruneTrail(this.within(entries), this.within(gone), before);
  }
}
