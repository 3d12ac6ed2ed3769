// Queries on the audit trail of operators.

import type { OperatorEntry } from '../../domain/operator-audit.ts';
import type {
  BegunEntry,
  OperatorAuditReader,
  OperatorAuditWriter,
} from '../port/operator-audit.ts';
import { pruneTrail } from './prune.ts';
import { Queries } from './scope.ts';

export class SqlOperatorAuditReader extends Queries implements OperatorAuditReader {
  async list(limit: number): Promise<OperatorEntry[]> {
    return this.db
      .selectFrom('operatorAudit')
      .selectAll()
      .orderBy('id', 'desc')
      .limit(limit)
      .execute();
  }

  async hasBefore(time: number): Promise<boolean> {
    const row = await this.db
      .selectFrom('operatorAudit')
      .where('createdAt', '<', time)
      .select('id')
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }
}

export class SqlOperatorAuditWriter extends SqlOperatorAuditReader implements OperatorAuditWriter {
  async begin({ requestId = null, ...entry }: BegunEntry): Promise<number> {
    const begun = { outcome: 'begun', createdAt: this.now() } as const;
    const row = await this.db
      .insertInto('operatorAudit')
      .values({ ...entry, requestId, ...begun, reason: null, endedAt: null })
      .returning('id')
      .executeTakeFirstOrThrow();
    return row.id;
  }

  async end(id: number, ended: Pick<OperatorEntry, 'thing' | 'outcome' | 'reason'>): Promise<void> {
    await this.db
      .updateTable('operatorAudit')
      .set({ ...ended, endedAt: this.now() })
      .where('id', '=', id)
      .execute();
  }

  async prune(before: number): Promise<void> {
    const table = 'operatorAudit';
    await pruneTrail(this.db.selectFrom(table), this.db.deleteFrom(table), before);
  }
}
