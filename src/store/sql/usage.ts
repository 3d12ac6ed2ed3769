// Queries on how much an organisation has.

import { type RawBuilder, sql } from 'kysely';
import { jobKindsThat } from '../../domain/job.ts';
import type { Quotas } from '../../domain/organisation.ts';
import { gbBytes } from '../../domain/units.ts';
import type { UsageName, UsageReader } from '../port/usage.ts';
import { toQuotas } from './organisation.ts';
import { Queries } from './scope.ts';

/** The number of rows, kept where a transaction can read it without a conflict. */
const numberOf = {
  images: {
    kept: sql`select sum(amount) from tally where noun = 'image' and `,
    counted: sql`select count(*) from image where deleted_at is null and `,
  },
  machines: {
    kept: sql`select sum(amount) from tally where noun = 'machine' and `,
    counted: sql`select count(*) from machine where deleted_at is null and `,
  },
};

const buildKinds = sql.join(jobKindsThat(({ countsAsBuild }) => countsAsBuild).map(sql.lit));

/**
 * Work on layers that all organisations share counts for none; what it makes is no one's either.
 */
const shared = sql.join(jobKindsThat(({ ownsResult }) => !ownsResult).map(sql.lit));

/** What machines that are on may still write, beside what other things may. */
const reserved = sql`reserved_bytes
  + case when kind = 'machine' then things * coalesce(growth_bytes, 0) else 0 end`;

/** A sum of what an organisation has. */
const held = (own: RawBuilder<unknown>, amount: RawBuilder<unknown>) => sql`(
  select coalesce(sum(${amount}), 0) from account left join host on host.id = 1
  where ${own} and kind not in (${shared}))`;

const storedBytes = (own: RawBuilder<unknown>) => held(own, sql`bytes + ${reserved}`);

const ofMachines = (own: RawBuilder<unknown>, column: string) =>
  sql`(select sum(${sql.ref(column)}) from account where ${own} and kind = 'machine')`;

const bytesOf = (own: RawBuilder<unknown>, kinds: readonly string[]) =>
  sql`(select sum(bytes) from account where ${own} and kind in (${sql.join(kinds.map(sql.lit))}))`;

const inGb = (bytes: number) => Math.round((bytes / gbBytes) * 1000) / 1000;

export class SqlUsageReader extends Queries implements UsageReader {
  #own() {
    return sql`organisation_id = ${this.organisation()}`;
  }

  #amount(name: UsageName): RawBuilder<unknown> {
    const own = this.#own();
    switch (name) {
      case 'images':
      case 'machines': {
        const { kept, counted } = numberOf[name];
        return sql`(${this.dialect.isSerial ? kept : counted}${own})`;
      }
      case 'builds':
        return sql`(select count(*) from job
          where state in ('queued', 'running') and kind in (${buildKinds}) and ${own})`;
      case 'storedGb':
        return storedBytes(own);
      case 'keptGb':
        return bytesOf(own, ['disk.kept']);
      case 'disksGb':
        return bytesOf(own, ['disk.active', 'disk.fresh']);
      case 'reservedGb':
        return held(own, reserved);
      case 'memoryMb':
      case 'cpus':
        return ofMachines(own, name);
    }
  }

  async of<Name extends UsageName>(
    names: readonly Name[],
  ): Promise<{ quotas: Quotas; used: Record<Name, number> }> {
    const amounts = names.map((name) => sql`${this.#amount(name)} as ${sql.ref(name)}`);
    const columns = sql.join([sql.ref('quotas'), ...amounts]);
    const { rows } = await sql<Record<Name, unknown> & { quotas: string }>`
      select ${columns} from organisation where id = ${this.organisation()}`.execute(this.db);
    const [row] = rows;
    if (!row) throw new TypeError('the organisation of the scope is missing');
    const used = names.map((name) => {
      const amount = Number(row[name] ?? 0);
      return [name, name.endsWith('Gb') ? inGb(amount) : amount] as const;
    });
    return {
      quotas: toQuotas(row.quotas),
      used: Object.fromEntries(used) as Record<Name, number>,
    };
  }

  async generalizes(): Promise<boolean> {
    const { generalizeAt } = await this.db
      .selectFrom('organisation')
      .where('id', '=', this.organisation())
      .select('generalizeAt')
      .executeTakeFirstOrThrow();
    return generalizeAt !== null;
  }

  async storedBytes(): Promise<number> {
    const { rows } = await sql<{ bytes: number | null }>`
      select ${storedBytes(this.#own())} as bytes`.execute(this.db);
    return Number(rows[0]?.bytes ?? 0);
  }
}
