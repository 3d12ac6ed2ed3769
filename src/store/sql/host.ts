// Queries on the host.

import { sql } from 'kysely';
import type { Capacity, Freeze, Orphan } from '../../domain/host.ts';
import { jobKindsThat } from '../../domain/job.ts';
import type { HostReader, HostWriter, RemovalState } from '../port/host.ts';
import { Queries } from './scope.ts';

/** How long a freeze lasts unless it is renewed. */
const freezeMs = 60_000;

export class SqlHostReader extends Queries implements HostReader {
  capacity(): Promise<Capacity | undefined> {
    return this.db.selectFrom('host').select(['totalBytes', 'freeBytes']).executeTakeFirst();
  }

  async promisedBytes(): Promise<number> {
    const { rows } = await sql<{ bytes: number | null }>`
      select coalesce(sum(case
        when kind = 'export' then held_bytes
        when status = 'receiving' then 2 * bytes - received_bytes
        else bytes end), 0)
        + (select coalesce(sum(2 * bytes - received_bytes), 0) from operator_upload) as bytes
      from transfer where deleted_at is null and status in ('receiving', 'building')`.execute(
      this.db,
    );
    return Number(rows[0]?.bytes ?? 0);
  }

  async lastSteadyAt(): Promise<number | undefined> {
    return (await this.db.selectFrom('steady').select('seenAt').executeTakeFirst())?.seenAt;
  }

  async removalState(): Promise<RemovalState> {
    const row = await this.db.selectFrom('steady').select(['waiting', 'brakes']).executeTakeFirst();
    return row ?? { waiting: null, brakes: '{}' };
  }

  async frozen(): Promise<Freeze[]> {
    const rows = await this.db
      .selectFrom('freeze')
      .where(this.standing())
      .select('what')
      .distinct()
      .execute();
    return rows.map(({ what }) => what);
  }

  /**
   * A freeze that ends later than `freezeMs` from now was written before the clock went back, so it
   * counts as over.
   */
  protected standing() {
    return sql<boolean>`(until > ${this.now()} and until <= ${this.now() + freezeMs})`;
  }

  async isBusy(what: Freeze): Promise<boolean> {
    const kinds = jobKindsThat(({ blockedBy }) => blockedBy === what);
    const row = await this.db
      .selectFrom('job')
      .where('state', '=', 'running')
      .where('leaseUntil', '>', this.now())
      .where('kind', 'in', kinds)
      .select('id')
      .executeTakeFirst();
    return row !== undefined;
  }

  orphans(): Promise<Orphan[]> {
    return this.db.selectFrom('orphan').selectAll().orderBy('seenAt').orderBy('id').execute();
  }

  hasLooseTallies(): Promise<boolean> {
    return this.dialect.hasLooseTallies(this.db);
  }
}

export class SqlHostWriter extends SqlHostReader implements HostWriter {
  async setCapacity({ totalBytes, freeBytes }: Capacity): Promise<void> {
    const row = { totalBytes, freeBytes, seenAt: this.now() };
    await this.db
      .insertInto('host')
      .values({ id: 1, ...row })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
      .execute();
  }

  async setSteady(): Promise<void> {
    const row = { seenAt: this.now() };
    await this.db
      .insertInto('steady')
      .values({ id: 1, waiting: null, brakes: '{}', ...row })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
      .execute();
  }

  async setRemovalState(waiting: string | null, brakes: string): Promise<void> {
    await this.db.updateTable('steady').set({ waiting, brakes }).execute();
  }

  async freeze(what: Freeze, holder: string): Promise<void> {
    await this.db.deleteFrom('freeze').where(sql<boolean>`not ${this.standing()}`).execute();
    await this.db
      .insertInto('freeze')
      .values({ what, holder, until: this.now() + freezeMs })
      .execute();
  }

  async renewFreeze(what: Freeze, holder: string): Promise<boolean> {
    const result = await this.db
      .updateTable('freeze')
      .set({ until: this.now() + freezeMs })
      .where('what', '=', what)
      .where('holder', '=', holder)
      .where(this.standing())
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  async thaw(what: Freeze, holder: string): Promise<void> {
    await this.db
      .deleteFrom('freeze')
      .where('what', '=', what)
      .where('holder', '=', holder)
      .execute();
  }

  async thawAll(): Promise<void> {
    await this.db.deleteFrom('freeze').execute();
  }

  async joinTallies(): Promise<void> {
    await this.dialect.joinTallies(this.db);
  }

  async noteOrphan(orphan: Omit<Orphan, 'seenAt'>): Promise<boolean> {
    const result = await this.db
      .insertInto('orphan')
      .values({ ...orphan, seenAt: this.now() })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return result.numInsertedOrUpdatedRows === 1n;
  }

  async forgetOrphan({ kind, id }: Pick<Orphan, 'kind' | 'id'>): Promise<void> {
    await this.db.deleteFrom('orphan').where('kind', '=', kind).where('id', '=', id).execute();
  }
}
