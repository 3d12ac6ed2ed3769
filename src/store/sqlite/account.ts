// Keeps the account by triggers: one row for each organisation and kind, and for the whole host as
// organisation 0. Transactions run one at a time, so they do not wait for each other there.

import type { AccountOf } from '../migrations/statements.ts';

const named = (text: string, row: 'old' | 'new') => text.replaceAll('ROW', row);

/** Statements that add what a row counts for, or take it away, where `when` holds. */
function add(of: AccountOf, row: 'old' | 'new', sign: 1 | -1, when: string): string {
  const amounts = ['1', of.bytes, of.reservedBytes, of.memoryMb, of.cpus]
    .map((amount) => `${sign} * (${named(amount, row)})`)
    .join(', ');
  return [named(of.organisation, row), '0']
    .map(
      (organisation) => `insert into account
        select ${organisation}, ${named(of.kind, row)}, ${amounts}
        where ${organisation} is not null and (${when})
        on conflict do update set things = things + excluded.things,
          bytes = bytes + excluded.bytes,
          reserved_bytes = reserved_bytes + excluded.reserved_bytes,
          memory_mb = memory_mb + excluded.memory_mb, cpus = cpus + excluded.cpus;`,
    )
    .join('\n');
}

export const account = {
  table: [
    `create table account (
      organisation_id bigint not null, kind text not null, things bigint not null,
      bytes bigint not null, reserved_bytes bigint not null, memory_mb bigint not null,
      cpus bigint not null, primary key (organisation_id, kind)) without rowid`,
  ],

  keep(of: AccountOf): readonly string[] {
    const { table, columns, when } = of;
    const [before, after] = [named(when, 'old'), named(when, 'new')];
    const differs = columns.map((column) => `old.${column} is not new.${column}`).join(' or ');
    return [
      `create trigger ${table}_account_insert after insert on ${table} when ${after}
        begin ${add(of, 'new', 1, 'true')} end`,
      `create trigger ${table}_account_delete after delete on ${table} when ${before}
        begin ${add(of, 'old', -1, 'true')} end`,
      `create trigger ${table}_account_update after update of ${columns.join(', ')} on ${table}
        when (${differs}) and ((${before}) or (${after}))
        begin ${add(of, 'old', -1, before)} ${add(of, 'new', 1, after)} end`,
    ];
  },
};
