// Queries on the account. The triggers of its migration keep its rows.

import { sql } from 'kysely';
import { type Account, addHeld, type Guest, type Held, nothingHeld } from '../../domain/account.ts';
import type { OrganisationId } from '../../domain/ids.ts';
import { jobKinds } from '../../domain/job.ts';
import type { AccountReader, AccountWriter, HeldOfKind } from '../port/account.ts';
import type { Measured } from '../port/host.ts';
import { Queries } from './scope.ts';

/** The rows of the host have this number in the place of an organisation. */
const hostId = 0;

const sums = sql`kind, sum(things) as things, sum(bytes) as bytes,
  sum(reserved_bytes) as reserved_bytes, sum(memory_mb) as memory_mb, sum(cpus) as cpus`;

const noGuest: Guest = { memoryMb: 0, cpus: 0 };
const addGuest = (one: Guest, other: Guest): Guest => ({
  memoryMb: one.memoryMb + other.memoryMb,
  cpus: one.cpus + other.cpus,
});

/** PostgreSQL gives sums as texts. */
const toHeld = (row: HeldOfKind): HeldOfKind => ({
  kind: row.kind,
  things: Number(row.things),
  bytes: Number(row.bytes),
  reservedBytes: Number(row.reservedBytes),
  memoryMb: Number(row.memoryMb),
  cpus: Number(row.cpus),
});

/** The largest guests of the open jobs of a kind, as many as run at once. */
const guestsOf = (kind: string, places: number) => sql`select memory_mb, cpus from (
  select memory_mb, cpus from job
  where kind = ${sql.lit(kind)} and state in ('queued', 'running') and memory_mb > 0
  order by memory_mb desc limit ${places}) as largest`;

export class SqlAccountReader extends Queries implements AccountReader {
  async host({ guestsOnly = false } = {}): Promise<Account | undefined> {
    if (guestsOnly && !this.dialect.isSerial && !(await this.#limitsGuests())) return undefined;
    const { rows } = await sql<Measured & HeldOfKind & { memoryMost: number; cpusMost: number }>`
      select host.total_bytes, host.free_bytes, host.known_bytes, host.growth_bytes,
        host.build_places, host.memory_mb as memory_most, host.cpus as cpus_most, held.*
      from host left join (
        select ${sums} from account where organisation_id = ${sql.lit(hostId)} group by kind
      ) as held on 1 = 1`.execute(this.db);
    const [row] = rows;
    if (!row) return undefined;
    const { totalBytes, freeBytes, knownBytes, growthBytes, buildPlaces } = row;
    const kinds = rows.map(toHeld);
    const isBuild = ({ kind }: HeldOfKind) => kind in jobKinds;
    const isBusy = kinds.some((one) => isBuild(one) && one.memoryMb > 0);
    const guests = isBusy ? await this.#builds(buildPlaces) : [];
    const builds = guests.reduce(addGuest, noGuest);
    const yielding = guests.filter(({ yields }) => yields !== 0).reduce(addGuest, noGuest);
    const held = kinds.reduce<Held>(
      (all, one) => addHeld(all, isBuild(one) ? { ...one, memoryMb: 0, cpus: 0 } : one),
      { ...nothingHeld, ...builds },
    );
    const on = kinds.find(({ kind }) => kind === 'machine')?.things ?? 0;
    return {
      capacity: { totalBytes, freeBytes },
      knownBytes,
      admission: { memoryMb: row.memoryMost, cpus: row.cpusMost, growthBytes },
      held: { ...held, reservedBytes: held.reservedBytes + on * growthBytes },
      yielding,
    };
  }

  async #limitsGuests(): Promise<boolean> {
    const row = await this.db
      .selectFrom('host')
      .where((e) => e.or([e('memoryMb', 'is not', null), e('cpus', 'is not', null)]))
      .select('id')
      .executeTakeFirst();
    return row !== undefined;
  }

  #builds(places: number): Promise<(Guest & { yields: number })[]> {
    const kinds = [
      ['imageInstall', places, 0],
      ['imageCapture', jobKinds.imageCapture.limit, 0],
      ['templateMake', jobKinds.templateMake.limit, 1],
    ] as const;
    const parts = kinds.map(
      ([kind, most, yields]) =>
        sql`select memory_mb, cpus, ${sql.lit(yields)} as yields from (${guestsOf(kind, most)}) as ${sql.ref(kind)}`,
    );
    return sql<Guest & { yields: number }>`${sql.join(parts, sql` union all `)}`
      .execute(this.db)
      .then(({ rows }) => rows);
  }

  async kinds(): Promise<HeldOfKind[]> {
    const id = this.isSystem ? hostId : this.organisation();
    const { rows } = await sql<HeldOfKind>`
      select ${sums} from account where organisation_id = ${id} group by kind order by kind`.execute(
      this.db,
    );
    return rows.map(toHeld);
  }

  async recounted(): Promise<HeldOfKind[]> {
    const { rows } = await sql<HeldOfKind>`
      select ${sums} from (${things}) as thing group by kind order by kind`.execute(this.db);
    return rows.map(toHeld);
  }
}

/** Each row that counts, with the organisation that it counts for; null: for the host alone. */
const things = sql`
  select organisation_id, 'machine' as kind, 1 as things, 0 as bytes, 0 as reserved_bytes,
      memory_mb, cpus
    from machine where status <> 'off' and capturing_image_id is null
  union all select organisation_id, kind, 1, 0, reserved_bytes, memory_mb, cpus from job
    where state in ('queued', 'running') and (reserved_bytes > 0 or memory_mb > 0)
  union all select organisation_id, 'disk.' || state, 1, coalesce(stored_bytes, 0), 0, 0, 0
    from disk
  union all select organisation_id, 'layer', 1, stored_bytes, 0, 0, 0
    from layer_copy join layer on layer.id = layer_copy.layer_id
  union all select cast(null as bigint), 'template', 1, state_bytes + memory_bytes, 0, 0, 0
    from template
  union all select cast(null as bigint), 'upload', 1, received_bytes,
      2 * bytes - 2 * received_bytes, 0, 0 from operator_upload
  union all select organisation_id, 'intake', 1, bytes, reserved_bytes, 0, 0 from intake
  union all select organisation_id, 'transfer', 1, written, held_bytes - written + coming, 0, 0
    from (
      select organisation_id, held_bytes,
        case when status = 'receiving' then received_bytes
          when kind = 'export' and status = 'building' then 0 else held_bytes end as written,
        case when kind = 'import' and status in ('receiving', 'building') and deleted_at is null
          then bytes else 0 end as coming
      from transfer) as file`;

export class SqlAccountWriter extends SqlAccountReader implements AccountWriter {
  async recount(): Promise<void> {
    const columns = sql`kind, things, bytes, reserved_bytes, memory_mb, cpus`;
    const { rows } = await sql<HeldOfKind & { organisationId: OrganisationId }>`
      select organisation_id, ${sums} from (
        select organisation_id, ${columns} from (${things}) as own
          where organisation_id is not null
        union all select ${sql.lit(hostId)}, ${columns} from (${things}) as every
      ) as thing group by organisation_id, kind`.execute(this.db);
    await this.db.deleteFrom('account').execute();
    await this.insertAll(
      'account',
      rows.map((row) => ({ organisationId: row.organisationId, ...toHeld(row) })),
    );
  }
}
