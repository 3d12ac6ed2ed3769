// Keeps numbers of rows by triggers: each change adds a row with what it adds to the number,
// because transactions that change one row conflict. A task joins these rows from time to time.

import { type Kysely, sql } from 'kysely';

/** So many rows a kept number may have, and so many rows are joined at once. */
const looseMax = 100;
const joinedMax = 100_000;

const named = (text: string, row: 'old' | 'new') => text.replaceAll('ROW', row);

export const tally = {
  table: [
    `create table tally (
      organisation_id bigint not null, noun text collate "C" not null, part text collate "C" not null,
      amount bigint not null)`,
    'create index tally_listed on tally (organisation_id, noun, part) include (amount)',
  ],

  count: (table: string, part: string, when: string): readonly string[] => [
    functionOf(table, part, when),
    `create trigger ${table}_tally after insert or update or delete on ${table}
      for each row execute function ${table}_tally()`,
  ],

  recount: (table: string, part: string, when: string): readonly string[] => [
    functionOf(table, part, when),
  ],
};

/** The function of the trigger, in the place of one that there is. */
function functionOf(table: string, part: string, when: string): string {
  const [before, after] = [named(when, 'old'), named(when, 'new')];
  const [from, to] = [named(part, 'old'), named(part, 'new')];
  return `create or replace function ${table}_tally() returns trigger language plpgsql as $$ begin
    if tg_op = 'UPDATE' then
      if (${before}) = (${after}) and ${from} = ${to} then return null; end if;
    end if;
    if tg_op <> 'INSERT' then
      if ${before} then insert into tally values (old.organisation_id, '${table}', ${from}, -1); end if;
    end if;
    if tg_op <> 'DELETE' then
      if ${after} then insert into tally values (new.organisation_id, '${table}', ${to}, 1); end if;
    end if;
    return null;
  end $$`;
}

export async function hasLooseTallies<Database>(db: Kysely<Database>): Promise<boolean> {
  const { rows } = await sql`
    (select 1 from tally group by organisation_id, noun, part having count(*) > ${looseMax} limit 1)
    union all
    (select 1 from account group by organisation_id, kind having count(*) > ${looseMax} limit 1)
  `.execute(db);
  return rows.length > 0;
}

export async function joinTallies<Database>(db: Kysely<Database>): Promise<void> {
  await sql`with gone as (
      delete from tally where ctid in (select ctid from tally limit ${joinedMax}) returning *)
    insert into tally (organisation_id, noun, part, amount)
      select organisation_id, noun, part, sum(amount) from gone
      group by organisation_id, noun, part having sum(amount) <> 0`.execute(db);
  await sql`with gone as (
      delete from account where ctid in (select ctid from account limit ${joinedMax}) returning *)
    insert into account
      (organisation_id, kind, things, bytes, reserved_bytes, memory_mb, cpus)
      select organisation_id, kind, sum(things), sum(bytes), sum(reserved_bytes), sum(memory_mb),
        sum(cpus)
      from gone group by organisation_id, kind
      having sum(things) <> 0 or sum(bytes) <> 0 or sum(reserved_bytes) <> 0
        or sum(memory_mb) <> 0`.execute(db);
}
