// Keeps the account by triggers: each change adds rows with what it adds to the sums, because
// transactions that change one row conflict. A task joins these rows from time to time.

import type { AccountOf } from '../migrations/statements.ts';

const named = (text: string, row: 'old' | 'new') => text.replaceAll('ROW', row);

/** A statement that adds what a row counts for, or takes it away. */
function add(of: AccountOf, row: 'old' | 'new', sign: 1 | -1): string {
  const amounts = ['1', of.bytes, of.reservedBytes, of.memoryMb, of.cpus]
    .map((amount) => `${sign} * (${named(amount, row)})`)
    .join(', ');
  return `insert into account select counted.organisation, ${named(of.kind, row)}, ${amounts}
    from (values (${named(of.organisation, row)}), (0)) as counted (organisation)
    where counted.organisation is not null;`;
}

export const account = {
  table: [
    `create table account (
      organisation_id bigint not null, kind text not null, things bigint not null,
      bytes bigint not null, reserved_bytes bigint not null, memory_mb bigint not null,
      cpus bigint not null)`,
    `create index account_of on account (organisation_id, kind)
      include (things, bytes, reserved_bytes, memory_mb, cpus)`,
  ],

  keep(of: AccountOf): readonly string[] {
    const { table, columns, when } = of;
    const [before, after] = [named(when, 'old'), named(when, 'new')];
    const same = columns
      .map((column) => `old.${column} is not distinct from new.${column}`)
      .join(' and ');
    return [
      `create function ${table}_account() returns trigger language plpgsql as $$ begin
        if tg_op = 'UPDATE' then
          if ${same} then return null; end if;
        end if;
        if tg_op <> 'INSERT' then
          if ${before} then ${add(of, 'old', -1)} end if;
        end if;
        if tg_op <> 'DELETE' then
          if ${after} then ${add(of, 'new', 1)} end if;
        end if;
        return null;
      end $$`,
      `create trigger ${table}_account
        after insert or delete or update of ${columns.join(', ')} on ${table}
        for each row execute function ${table}_account()`,
    ];
  },
};
