// Queries on events. An event's row is selected from the row of its subject, so it tells the state
// that the subject has in the same transaction, and nothing is written for a subject that is not in
// the scope.

import { type RawBuilder, sql } from 'kysely';
import type { EventFacts, EventFilter, FleetEvent } from '../../domain/event.ts';
import type { EventType } from '../../domain/event-type.ts';
import type { ImageId, LayerId } from '../../domain/ids.ts';
import { portionsOf } from '../../lib/portions.ts';
import type { EventReader, EventSubjects, EventWriter } from '../port/event.ts';
import { portionMax, prunedMax, Queries } from './scope.ts';
import { shownStatus } from './shown-status.ts';

const columns = [
  'id',
  'organisationId',
  'type',
  'subject',
  'status',
  'reason',
  'bytes',
  'bytesTotal',
  'facts',
  'createdAt',
] as const;

const reasonCharsMax = 500;
/** More events than any store writes between two backups. */
const skippedIds = 1_000_000_000;

/** The columns of an event that come from the row of its subject. */
const stateOf = {
  image: sql`case when deleted_at is null then status else 'deleted' end,
    substr(status_reason, 1, ${sql.lit(reasonCharsMax)}), cast(null as bigint), cast(null as bigint)`,
  machine: sql`case when deleted_at is not null then 'deleted' else ${shownStatus} end,
    substr(status_reason, 1, ${sql.lit(reasonCharsMax)}), cast(null as bigint), cast(null as bigint)`,
  transfer: sql`case when deleted_at is null then status else 'deleted' end,
    substr(status_reason, 1, ${sql.lit(reasonCharsMax)}), received_bytes, bytes`,
};
const stateless = sql`cast(null as text), cast(null as text), cast(null as bigint), cast(null as bigint)`;

export class SqlEventReader extends Queries implements EventReader {
  #rows() {
    return this.within(this.db.selectFrom('event')).select(columns);
  }

  async after(id: number, limit: number, filter?: EventFilter): Promise<FleetEvent[]> {
    let rows = this.#rows().where('id', '>', id);
    if (filter) rows = rows.where('type', 'in', this.among([...filter.types]));
    const subjects = filter?.subjects ?? null;
    if (subjects !== null) rows = rows.where('subject', 'in', this.among([...subjects].map(idOf)));
    const found = await rows.orderBy('id').limit(limit).execute();
    return found.map(toEvent);
  }

  async lastLogs(imageId: ImageId, limit: number): Promise<FleetEvent[]> {
    const rows = this.#rows()
      .where('subject', '=', String(imageId))
      .where(sql<boolean>`type = 'image.log'`);
    const found = await rows.orderBy('id', 'desc').limit(limit).execute();
    return found.reverse().map(toEvent);
  }

  async firstLog(imageId: ImageId): Promise<number | undefined> {
    const row = await this.within(this.db.selectFrom('event'))
      .where('subject', '=', String(imageId))
      // The index of logs is found by the type as it is written in the statement.
      .where(sql<boolean>`type = 'image.log'`)
      .select((e) => e.fn.min('id').as('id'))
      .executeTakeFirst();
    return row?.id ?? undefined;
  }

  async newest(): Promise<number> {
    const row = await this.within(this.db.selectFrom('event'))
      .select('id')
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst();
    return Math.max(row?.id ?? 0, await this.forgotten());
  }

  async forgotten(): Promise<number> {
    const row = await this.within(this.db.selectFrom('eventFloor'))
      .select((e) => e.fn.max('id').as('id'))
      .executeTakeFirst();
    return Number(row?.id ?? 0);
  }

  async hasBefore(time: number): Promise<boolean> {
    const row = await this.within(this.db.selectFrom('event'))
      .select('createdAt')
      .orderBy('id')
      .limit(1)
      .executeTakeFirst();
    return row !== undefined && row.createdAt < time;
  }

  async hasMoreThan(rows: number): Promise<boolean> {
    return (await this.beyond(rows)) !== undefined;
  }

  /** The newest event beyond so many of the organisation. */
  protected async beyond(rows: number): Promise<number | undefined> {
    const row = await this.db
      .selectFrom('event')
      .where('organisationId', '=', this.organisation())
      .select('id')
      .orderBy('id', 'desc')
      .offset(rows)
      .limit(1)
      .executeTakeFirst();
    return row?.id;
  }
}

/** The id in a subject such as `image:5`. */
const idOf = (subject: string) => subject.slice(subject.indexOf(':') + 1);

const toEvent = ({ facts, ...row }: Omit<FleetEvent, 'facts'> & { facts: string }): FleetEvent => ({
  ...row,
  facts: JSON.parse(facts),
});

export class SqlEventWriter extends SqlEventReader implements EventWriter {
  async add(
    what: 'changed' | 'progress',
    { imageIds = [], machineIds = [], transferIds = [] }: EventSubjects,
    facts: EventFacts = {},
  ): Promise<void> {
    const of = <Id extends number | string>(
      noun: keyof typeof stateOf,
      ids: readonly Id[],
    ): RawBuilder<unknown>[] =>
      ids.length === 0
        ? []
        : [
            sql`select organisation_id, ${this.#head(`${noun}.${what}`)}, cast(id as text),
              ${stateOf[noun]}, ${this.#tail(facts)} from ${sql.table(noun)}
              where ${this.#is(ids)} ${this.#own()}`,
          ];
    const [some = [], ...rest] = await Array.fromAsync(portionsOf(machineIds, portionMax));
    await this.#insert([
      ...of('image', imageIds),
      ...of('machine', some),
      ...of('transfer', transferIds),
    ]);
    for await (const [portion = []] of portionsOf(rest, 1))
      await this.#insert(of('machine', portion));
  }

  async addLog(imageId: ImageId, facts: EventFacts): Promise<void> {
    await this.#insert([
      sql`select organisation_id, ${this.#head('image.log')}, cast(id as text),
        ${stateless}, ${this.#tail(facts)} from image where id = ${imageId} ${this.#own()}`,
    ]);
  }

  async addOfLayer(
    type: 'layer.damaged' | 'layer.healed',
    layerId: LayerId,
    imageIds: readonly ImageId[],
  ): Promise<void> {
    await this.#insert([
      sql`select distinct organisation_id, ${this.#head(type)}, cast(${layerId} as text),
        ${stateless}, ${this.#tail({})} from image
        where ${this.#is(imageIds)} ${this.#own()}`,
    ]);
  }

  async addOfHost(type: 'host.low' | 'host.recovered'): Promise<void> {
    await this.#insert([
      sql`select id, ${this.#head(type)}, '', ${stateless}, ${this.#tail({})} from organisation`,
    ]);
  }

  async prune(before: number): Promise<void> {
    const young = await this.within(this.db.selectFrom('event'))
      .where('createdAt', '>=', before)
      .select('id')
      .orderBy('id')
      .limit(1)
      .executeTakeFirst();
    await this.#forget(young === undefined ? Number.MAX_SAFE_INTEGER : young.id - 1);
  }

  async beginAnew(): Promise<void> {
    const base = (await this.newest()) + skippedIds;
    await this.db.deleteFrom('event').execute();
    await this.db.deleteFrom('eventOutbox').execute();
    await this.dialect.skipIds(this.db, 'event', base);
    await sql`insert into event_floor (organisation_id, id)
      select id, cast(${base} as bigint) from organisation where true
      on conflict (organisation_id) do update set id = excluded.id`.execute(this.db);
  }

  async pruneBeyond(rows: number): Promise<void> {
    const last = await this.beyond(rows);
    if (last !== undefined) await this.#forget(last);
  }

  /** Forgets the oldest events up to an id, but not too many at once. */
  async #forget(last: number): Promise<void> {
    const own = () => this.within(this.db.selectFrom('event'));
    const piece = await own()
      .select('id')
      .orderBy('id')
      .offset(prunedMax - 1)
      .limit(1)
      .executeTakeFirst();
    const upTo = Math.min(last, piece?.id ?? last);
    await this.db
      .insertInto('eventFloor')
      .columns(['organisationId', 'id'])
      .expression(
        own()
          .where('id', '<=', upTo)
          .select((e) => ['organisationId', e.fn.max('id').as('id')])
          .groupBy('organisationId'),
      )
      .onConflict((conflict) =>
        conflict.column('organisationId').doUpdateSet((e) => ({ id: e.ref('excluded.id') })),
      )
      .execute();
    await this.within(this.db.deleteFrom('event')).where('id', '<=', upTo).execute();
  }

  #head = (type: EventType) => sql`cast(${type} as text)`;
  #tail = (facts: EventFacts) =>
    sql`cast(${JSON.stringify(facts)} as text), cast(${this.now()} as bigint)`;

  /** One id is compared by itself: PostgreSQL then reads, and locks, no other row. */
  #is = <Id extends number | string>(ids: readonly Id[]) =>
    ids.length === 1 ? sql`id = ${ids[0]}` : sql`id in ${this.among(ids)}`;

  #own() {
    return this.isSystem ? sql`` : sql`and organisation_id = ${this.organisation()}`;
  }

  async #insert(selects: readonly RawBuilder<unknown>[]): Promise<void> {
    if (selects.length === 0) return;
    const table = sql.table(this.dialect.isSerial ? 'event' : 'event_outbox');
    const { numAffectedRows } = await sql`insert into ${table} (organisation_id, type, subject,
      status, reason, bytes, bytes_total, facts, created_at)
      ${sql.join(selects, sql` union all `)}`.execute(this.db);
    this.wroteEvents(Number(numAffectedRows ?? 0));
  }
}
