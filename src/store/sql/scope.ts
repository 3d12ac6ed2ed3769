// The start of every noun's queries: a connection or a transaction, the scope, the clock, and the
// dialect.
//
// An organisation's scope is applied here and nowhere else. The queries of a noun whose rows belong
// to organisations begin with `within`, for reading, changing and deleting alike, so that rows of
// other organisations do not exist for them.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Expression, type Insertable, type SqlBool, sql } from 'kysely';
import type { OrganisationId } from '../../domain/ids.ts';
import { portionsOf } from '../../lib/portions.ts';
import type { Scope } from '../port/unit-of-work.ts';
import type { Dialect } from './dialect.ts';
import type { ListPlaces, PlacesOfList } from './list-places.ts';
import type { Listed, ListedRows } from './listed.ts';
import type { Found, NameSearches } from './name-search.ts';
import type { Database, Db } from './schema.ts';

/** So many rows are written, or read whole, by one statement where there may be thousands. */
export const portionMax = 250;
/** The same for rows of which only an id is read. */
const pageMax = 2500;
/**
 * The most rows that are forgotten at once: a second's work, for which other writers wait. They are
 * named by a bound and not by a list of ids. PostgreSQL joins such a list with the table, and while
 * its statistics do not know of new rows, it compares each id with each row: to delete 20,000 of
 * 30,000 took longer than a statement may.
 */
export const prunedMax = 20_000;

export interface Binding {
  db: Db;
  scope: Scope;
  now: () => number;
  dialect: Dialect;
  /** Earlier searches. A transaction has none, because it sees rows that are not committed. */
  searches?: NameSearches | undefined;
  /** Known places in long lists. A transaction has none, for the same reason. */
  places?: ListPlaces | undefined;
  /** Is told how many events were written; also 0, when a webhook is to be told of something. */
  wroteEvents?: ((events: number) => void) | undefined;
}

interface Filterable<Query> {
  where(condition: Expression<SqlBool>): Query;
}

export abstract class Queries {
  protected readonly db: Db;
  protected readonly now: () => number;
  readonly #scope: Scope;
  protected readonly dialect: Dialect;
  readonly #searches: NameSearches | undefined;
  readonly #places: ListPlaces | undefined;
  protected readonly wroteEvents: (events: number) => void;

  constructor({ db, scope, now, dialect, searches, places, wroteEvents }: Binding) {
    this.db = db;
    this.now = now;
    this.#scope = scope;
    this.dialect = dialect;
    this.#searches = searches;
    this.#places = places;
    this.wroteEvents = wroteEvents ?? (() => {});
  }

  /** The query, without the rows of other organisations. Its table has `organisation_id`. */
  protected within<Query extends Filterable<Query>>(query: Query): Query {
    const scope = this.#scope;
    return scope === 'system' ? query : query.where(sql<boolean>`organisation_id = ${scope}`);
  }

  protected get isSystem(): boolean {
    return this.#scope === 'system';
  }

  /** The organisation of the scope. Throws a TypeError in the scope of the system. */
  protected organisation(): OrganisationId {
    if (this.#scope === 'system') throw new TypeError('this belongs to one organisation');
    return this.#scope;
  }

  /** A number that the store keeps: of the rows of a noun, or of one part of them. */
  protected async tallied(noun: string, part?: string): Promise<number> {
    let rows = this.within(this.db.selectFrom('tally')).where('noun', '=', noun);
    if (part !== undefined) rows = rows.where('part', '=', part);
    const { amount } = await rows
      .select((e) => e.fn.sum<number>('amount').as('amount'))
      .executeTakeFirstOrThrow();
    return Number(amount ?? 0);
  }

  /** Throws a TypeError when a new row belongs to another organisation than the scope's. */
  protected assertOwn({ organisationId }: { organisationId: OrganisationId }): void {
    if (this.#scope !== 'system' && this.#scope !== organisationId)
      throw new TypeError('a new row must belong to the organisation of the scope');
  }

  /** Searches in names; undefined where the store remembers no searches. */
  protected async searched<Table extends Listed>(
    table: Table,
    text: string,
    rows: () => ListedRows<Table>,
  ): Promise<Found | undefined> {
    const changes = () => this.#changes(table);
    return this.#searches?.find(table, { scope: this.#scope, text, rows, changes });
  }

  /** The memory of the whole list of a table; undefined where the store keeps none. */
  protected placesOf(table: Listed): PlacesOfList | undefined {
    const changes = () => this.#changes(table);
    return this.#places && { list: `${table} ${this.#scope}`, places: this.#places, changes };
  }

  /** How often rows of a table went out of the list or came back, as the store counts it. */
  #changes(table: Listed): Promise<number> {
    return this.tallied(`${table}.changes`);
  }

  protected get unlocked(): Dialect['unlocked'] {
    return this.dialect.unlocked;
  }

  protected among<Id extends number | string>(ids: readonly Id[]) {
    return this.dialect.among(ids);
  }

  protected get selectRows(): Dialect['selectRows'] {
    return this.dialect.selectRows;
  }

  /** All rows of a long list, in the order of their ids, read a page at a time. */
  protected async inPages<Row extends { id: string }>(
    page: (after: string, limit: number) => Promise<Row[]>,
  ): Promise<Row[]> {
    const all: Row[] = [];
    while (true) {
      const rows = await page(all.at(-1)?.id ?? '', pageMax);
      for (const row of rows) all.push(row);
      if (rows.length < pageMax) return all;
      await nextTurn();
    }
  }

  /** Adds rows, which all have the same columns; does nothing without rows. */
  protected async insertAll<Table extends keyof Database & string>(
    table: Table,
    rows: readonly Insertable<Database[Table]>[],
  ): Promise<void> {
    const [first] = rows;
    if (first === undefined) return;
    // Values as parameters take the database less time than JSON.
    if (rows.length === 1) return void (await this.db.insertInto(table).values(first).execute());
    const columns = Object.keys(first);
    const names = sql.join(columns.map((column) => sql.ref(column)));
    for await (const portion of portionsOf(rows, portionMax))
      await sql`insert into ${sql.table(table)} (${names})
        ${this.selectRows(table, columns, portion)}`.execute(this.db);
  }
}
