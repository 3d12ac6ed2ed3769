// Copies all rows of a store into an empty store of another database, and compares the two row by
// row. Tables are copied in the order of their references, in batches by primary key. Texts compare
// byte by byte in both databases, so both give their rows in the same order.

import { type Kysely, sql } from 'kysely';
import { AppError } from '../../domain/error.ts';
import type { Dialect } from './dialect.ts';

type Value = string | number | null;
type Row = Record<string, Value>;

/** A table of the schema, as its database declares it. */
export interface Table {
  name: string;
  columns: readonly string[];
  /** The columns of the primary key, in its order. */
  key: readonly string[];
  /** The columns that refer to rows of the same table. */
  parents: readonly string[];
}

/** One side of a copy: a transaction in a database that nobody else changes meanwhile. */
export interface Side {
  db: Kysely<unknown>;
  dialect: Dialect;
  /** The name in messages, without a password. */
  name: string;
  /** The form in which the database keeps a text. */
  kept(text: string): string;
  /** The sorted names of the columns, by table. */
  columns(): Promise<Map<string, string[]>>;
  /** The highest id that each counting table has given, also to a row that is gone. */
  lastIds(): Promise<Map<string, number>>;
  /** Makes each table count on from an id. */
  setLastIds(ids: ReadonlyMap<string, number>): Promise<void>;
}

interface CopyOptions {
  from: Side;
  to: Side;
  /** All tables; each comes after those that it refers to. */
  tables: readonly Table[];
  /** Called after each batch with the number of rows that are done. */
  say(phase: 'copying' | 'comparing', rows: number, total: number): void;
  signal: AbortSignal;
  /** The action of this copy in the trail of operators, where it stands as begun. */
  action: string;
  now(): number;
}

interface Copied {
  /** The number of rows by table. */
  rows: Record<string, number>;
  /** Texts that the target keeps in another form, because it refuses a NUL. */
  textsChanged: number;
}

const batchRows = 500;

/**
 * These are not copied. Servers remember in two of them for minutes what was sent to them; a copy
 * begins without, so that nothing passes for new that was sent to the servers of the source. Kept
 * numbers are counted while the rows are copied.
 */
const passing = new Set(['read_signature', 'request_rate', 'tally', 'account']);

/**
 * Copies, sets the counters of ids, and compares every row. Throws `conflict` when the target has
 * rows or another schema, `invalid` for a value that the target does not take, `internal` for a row
 * that differs. The caller undoes the target's transaction then.
 */
export async function copyRows(options: CopyOptions): Promise<Copied> {
  const { from, to, say, signal } = options;
  await assertSameSchema(from, to, options.tables);
  const tables = options.tables.filter(({ name }) => !passing.has(name));
  for (const name of passing) await sql`delete from ${sql.table(name)}`.execute(to.db);
  await assertEmpty(to, tables);
  const rows: Record<string, number> = {};
  for (const { name } of tables) rows[name] = await countOf(from, name);
  const total = Object.values(rows).reduce((sum, count) => sum + count, 0);
  const progress = (phase: 'copying' | 'comparing') => {
    let done = 0;
    return (count: number) => {
      signal.throwIfAborted();
      done += count;
      say(phase, done, total);
    };
  };
  let textsChanged = 0;
  const copying = progress('copying');
  for (const table of tables) textsChanged += await copyTable(from, to, table, copying);
  await to.setLastIds(await from.lastIds());
  const comparing = progress('comparing');
  for (const table of tables) await compareTable(from, to, table, comparing);
  await endEntry(to, options);
  return { rows, textsChanged };
}

/** Ends the entry of this copy in the target too, where it would stand as begun for ever. */
const endEntry = ({ db }: Side, { action, now }: CopyOptions) =>
  sql`update operator_audit set outcome = 'done', ended_at = ${now()} where id =
    (select max(id) from operator_audit where action = ${action} and outcome = 'begun')`.execute(
    db,
  );

async function assertSameSchema(from: Side, to: Side, tables: readonly Table[]): Promise<void> {
  const [source, target] = [await from.columns(), await to.columns()];
  const names = new Set([...source.keys(), ...target.keys()]);
  const differs = [...names].filter(
    (name) => source.get(name)?.join() !== target.get(name)?.join(),
  );
  if (differs.length === 0 && tables.length === names.size) return;
  throw new AppError(
    'conflict',
    `${from.name} and ${to.name} do not have the same tables: ${differs.join(', ')}. Use a database that nothing but Silversmith changes.`,
  );
}

async function assertEmpty(to: Side, tables: readonly Table[]): Promise<void> {
  const used: string[] = [];
  for (const { name } of tables) if ((await countOf(to, name)) > 0) used.push(name);
  if (used.length === 0) return;
  throw new AppError(
    'conflict',
    `${to.name} has rows already (${used.join(', ')}), and only an empty one is filled. Give a new one; or, when nothing needs those rows any more, remove it and make it anew: dropdb NAME; createdb --template=template0 NAME`,
  );
}

async function countOf({ db }: Side, table: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from ${sql.table(table)}`.execute(db);
  return Number(rows[0]?.count);
}

/** The rows of a table by its key, in batches. */
async function* batches({ db, name }: Side, table: Table): AsyncGenerator<Row[]> {
  const key = sql.join(table.key.map((column) => sql.ref(column)));
  const columns = sql.join(table.columns.map((column) => sql.ref(column)));
  let after: Row | undefined;
  while (true) {
    const last = after;
    const beyond = last
      ? sql`where (${key}) > (${sql.join(table.key.map((c) => last[c]))})`
      : sql``;
    const { rows } = await sql<Row>`select ${columns} from ${sql.table(table.name)} ${beyond}
      order by ${key} limit ${sql.lit(batchRows)}`
      .execute(db)
      .catch((error) => {
        if (!(error instanceof RangeError)) throw error;
        throw unfit(`The table ${table.name} of ${name}`, error);
      });
    if (rows.length === 0) return;
    yield rows;
    after = rows.at(-1);
  }
}

/** Resolves to the number of texts that were changed. */
async function copyTable(
  from: Side,
  to: Side,
  table: Table,
  done: (count: number) => void,
): Promise<number> {
  let changed = 0;
  const keep = (value: Value): Value => {
    const kept = typeof value === 'string' ? to.kept(value) : value;
    if (kept !== value) changed++;
    return kept;
  };
  for await (const batch of batches(from, table)) {
    const rows = batch.map((row) => keptRow(row, table, keep));
    // A row may stand before the row that it refers to, so those columns are filled afterwards.
    const alone = rows.map((row) => ({ ...row, ...without(table.parents) }));
    const names = sql.join(table.columns.map((column) => sql.ref(column)));
    await sql`insert into ${sql.table(table.name)} (${names})
      ${to.dialect.selectRows(table.name, table.columns, alone)}`
      .execute(to.db)
      .catch((error) => {
        throw asUnfit(error, table, batch);
      });
    done(rows.length);
  }
  if (table.parents.length > 0)
    for await (const batch of batches(from, table)) {
      const rows = batch.map((row) => keptRow(row, table, keptBy(to)));
      await fillParents(to, table, rows);
    }
  return changed;
}

const keptBy = (to: Side) => (value: Value) => (typeof value === 'string' ? to.kept(value) : value);

const without = (columns: readonly string[]): Row =>
  Object.fromEntries(columns.map((column) => [column, null]));

/** The row as the target keeps it. Throws `invalid` for a value that is neither text nor number. */
function keptRow(row: Row, table: Table, keep: (value: Value) => Value): Row {
  for (const [column, value] of Object.entries(row))
    if (value !== null && typeof value !== 'string' && typeof value !== 'number')
      throw unfit(`The column ${column} of ${table.name}`, 'it has bytes that are no text');
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, keep(value)]));
}

async function fillParents(to: Side, table: Table, rows: readonly Row[]): Promise<void> {
  const columns = [...table.key, ...table.parents];
  const set = sql.join(
    table.parents.map((column) => sql`${sql.ref(column)} = given.${sql.ref(column)}`),
  );
  const same = sql.join(
    table.key.map((c) => sql`${sql.ref(`${table.name}.${c}`)} = given.${sql.ref(c)}`),
    sql` and `,
  );
  await sql`with given (${sql.join(columns.map((column) => sql.ref(column)))}) as
    (${to.dialect.selectRows(table.name, columns, rows)})
    update ${sql.table(table.name)} set ${set} from given where ${same}`.execute(to.db);
}

/** Compares both sides batch by batch. Throws `internal` that names the first row that differs. */
async function compareTable(
  from: Side,
  to: Side,
  table: Table,
  done: (count: number) => void,
): Promise<void> {
  const keep = keptBy(to);
  const theirs = batches(to, table);
  for await (const batch of batches(from, table)) {
    const copies = (await theirs.next()).value ?? [];
    for (const [index, row] of batch.entries())
      if (textOf(keptRow(row, table, keep), table) !== textOf(copies[index], table))
        throw differs(table, keyOf(row, table));
    if (copies.length !== batch.length) throw differs(table, 'the number of rows');
    done(batch.length);
  }
  if (!(await theirs.next()).done) throw differs(table, 'the number of rows');
}

const textOf = (row: Row | undefined, { columns }: Table) =>
  JSON.stringify(columns.map((column) => row?.[column]));

const keyOf = (row: Row, { key }: Table) => key.map((column) => row[column]).join(' ');

const differs = ({ name }: Table, what: string) =>
  new AppError(
    'internal',
    `The copy of the table ${name} differs from the original (${what}), so nothing was copied.`,
  );

const unfit = (what: string, why: unknown) =>
  new AppError(
    'invalid',
    `${what} cannot be copied: ${why instanceof Error ? why.message : why}. Nothing was copied. Correct that value first, or restore a backup made before it was written.`,
    { cause: why },
  );

/** Errors of values and of rules get the name of the table; others pass. */
function asUnfit(error: unknown, table: Table, batch: readonly Row[]): unknown {
  const { code = '', errcode = 0 } = error as { code?: unknown; errcode?: number };
  const isValue = /^2[23]/.test(String(code)) || [19, 20].includes(errcode & 0xff);
  const [first, last] = [batch[0] ?? {}, batch.at(-1) ?? {}];
  return isValue
    ? unfit(`A row of ${table.name} from ${keyOf(first, table)} to ${keyOf(last, table)}`, error)
    : error;
}
