// Queries on how much an organisation has.

import { sql } from 'kysely';
import { jobKindsThat, openJobStates } from '../../domain/job.ts';
import type { Quotas } from '../../domain/organisation.ts';
import { gbBytes } from '../../domain/units.ts';
import type { UsageReader } from '../port/usage.ts';
import { toQuotas } from './organisation.ts';
import { Queries } from './scope.ts';

const inGb = (bytes: number) => Math.round((bytes / gbBytes) * 1000) / 1000;

export class SqlUsageReader extends Queries implements UsageReader {
  #settings() {
    return this.db
      .selectFrom('organisation')
      .where('id', '=', this.organisation())
      .select(['quotas', 'generalizeAt'])
      .executeTakeFirstOrThrow();
  }

  async quotas(): Promise<Quotas> {
    return toQuotas((await this.#settings()).quotas);
  }

  async generalizes(): Promise<boolean> {
    return (await this.#settings()).generalizeAt !== null;
  }

  async images(): Promise<number> {
    const organisationId = this.organisation();
    if (this.dialect.isSerial) return this.tallied('image');
    const { count } = await this.db
      .selectFrom('image')
      .where('organisationId', '=', organisationId)
      .where('deletedAt', 'is', null)
      .select((e) => e.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  async machines(): Promise<number> {
    const organisationId = this.organisation();
    if (this.dialect.isSerial) return this.tallied('machine');
    const { count } = await this.db
      .selectFrom('machine')
      .where('organisationId', '=', organisationId)
      .select((e) => e.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  async builds(): Promise<number> {
    const kinds = jobKindsThat(({ countsAsBuild }) => countsAsBuild);
    const { count } = await this.db
      .selectFrom('job')
      .where('organisationId', '=', this.organisation())
      .where('kind', 'in', kinds)
      .where('state', 'in', openJobStates)
      .select((e) => e.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  async #diskGb(state: 'kept' | 'active'): Promise<number> {
    const { bytes } = await this.db
      .selectFrom('disk')
      .where('organisationId', '=', this.organisation())
      .where('state', '=', state)
      .select((e) => e.fn.sum<number>('storedBytes').as('bytes'))
      .executeTakeFirstOrThrow();
    return inGb(Number(bytes ?? 0));
  }

  keptGb(): Promise<number> {
    return this.#diskGb('kept');
  }

  disksGb(): Promise<number> {
    return this.#diskGb('active');
  }

  async storedBytes(): Promise<number> {
    const own = this.organisation();
    const { rows } = await sql<{ bytes: number | null }>`
      select (select coalesce(sum(stored_bytes), 0)
          from layer_copy join layer on layer.id = layer_copy.layer_id
          where organisation_id = ${own})
        + (select coalesce(sum(held_bytes), 0) from transfer where organisation_id = ${own})
        as bytes`.execute(this.db);
    return Number(rows[0]?.bytes ?? 0);
  }

  async storedGb(): Promise<number> {
    return inGb(await this.storedBytes());
  }
}
