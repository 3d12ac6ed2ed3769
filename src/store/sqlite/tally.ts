// Keeps numbers of rows by triggers: one row for each organisation, noun and part, which every
// change brings up to date. Transactions run one at a time, so they do not wait for each other
// there.

const named = (text: string, row: 'old' | 'new') => text.replaceAll('ROW', row);

/** A statement that adds to the number that the row counts for. */
const add = (table: string, part: string, row: 'old' | 'new', amount: 1 | -1) =>
  `insert into tally values (${row}.organisation_id, '${table}', ${named(part, row)}, ${amount})
    on conflict do update set amount = amount + excluded.amount;`;

export const tally = {
  table: [
    `create table tally (
      organisation_id bigint not null, noun text not null, part text not null,
      amount bigint not null, primary key (organisation_id, noun, part)) without rowid`,
  ],

  count(table: string, part: string, when: string): readonly string[] {
    const [before, after] = [named(when, 'old'), named(when, 'new')];
    const differs = `(${before}) <> (${after}) or ${named(part, 'old')} <> ${named(part, 'new')}`;
    return [
      `create trigger ${table}_tally_insert after insert on ${table} when ${after}
        begin ${add(table, part, 'new', 1)} end`,
      `create trigger ${table}_tally_delete after delete on ${table} when ${before}
        begin ${add(table, part, 'old', -1)} end`,
      `create trigger ${table}_tally_before after update on ${table} when ${before} and (${differs})
        begin ${add(table, part, 'old', -1)} end`,
      `create trigger ${table}_tally_after after update on ${table} when ${after} and (${differs})
        begin ${add(table, part, 'new', 1)} end`,
      // A search that was remembered is right until a row goes out of the list or comes back.
      `create trigger ${table}_tally_changes after update on ${table} when (${before}) <> (${after})
        begin insert into tally values (new.organisation_id, '${table}.changes', '', 1)
          on conflict do update set amount = amount + 1; end`,
    ];
  },

  recount: (table: string, part: string, when: string): readonly string[] => [
    ...['insert', 'delete', 'before', 'after', 'changes'].map(
      (name) => `drop trigger ${table}_tally_${name}`,
    ),
    ...tally.count(table, part, when),
  ],
};
