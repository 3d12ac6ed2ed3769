// Adds the account: by organisation and kind of thing, the bytes that things take or may still
// write, and the memory and processors of guests. Triggers keep it, so it is the sum of the rows at
// every commit. An organisation 0 has the sums of the whole host. A job says what it reserves; the
// host says what it has to give.

import { type Kysely, sql } from 'kysely';
import type { AccountOf, MigrationFor } from './statements.ts';

const none = { bytes: '0', reservedBytes: '0', memoryMb: '0', cpus: '0' };

const isBeingImported = `ROW.kind = 'import' and ROW.status in ('receiving', 'building')
  and ROW.deleted_at is null`;
const writtenBytes = `case when ROW.status = 'receiving' then ROW.received_bytes
  when ROW.kind = 'export' and ROW.status = 'building' then 0 else ROW.held_bytes end`;

const accounts: readonly AccountOf[] = [
  {
    ...none,
    table: 'machine',
    columns: ['status', 'capturing_image_id', 'memory_mb', 'cpus'],
    organisation: 'ROW.organisation_id',
    kind: `'machine'`,
    when: `ROW.status <> 'off' and ROW.capturing_image_id is null`,
    memoryMb: 'ROW.memory_mb',
    cpus: 'ROW.cpus',
  },
  {
    ...none,
    table: 'job',
    columns: ['state', 'reserved_bytes'],
    organisation: 'ROW.organisation_id',
    kind: 'ROW.kind',
    when: `ROW.state in ('queued', 'running') and (ROW.reserved_bytes > 0 or ROW.memory_mb > 0)`,
    reservedBytes: 'ROW.reserved_bytes',
    memoryMb: 'ROW.memory_mb',
    cpus: 'ROW.cpus',
  },
  {
    ...none,
    table: 'transfer',
    columns: ['status', 'bytes', 'held_bytes', 'received_bytes', 'deleted_at'],
    organisation: 'ROW.organisation_id',
    kind: `'transfer'`,
    when: '1 = 1',
    bytes: writtenBytes,
    reservedBytes: `ROW.held_bytes - (${writtenBytes})
      + case when ${isBeingImported} then ROW.bytes else 0 end`,
  },
  {
    ...none,
    table: 'disk',
    columns: ['state', 'stored_bytes'],
    organisation: 'ROW.organisation_id',
    kind: `'disk.' || ROW.state`,
    when: '1 = 1',
    bytes: 'coalesce(ROW.stored_bytes, 0)',
  },
  {
    ...none,
    table: 'layer_copy',
    columns: ['stored_bytes'],
    organisation: '(select organisation_id from layer where layer.id = ROW.layer_id)',
    kind: `'layer'`,
    when: '1 = 1',
    bytes: 'ROW.stored_bytes',
  },
];

const columns = [
  'alter table job add column reserved_bytes bigint not null default 0',
  'alter table job add column memory_mb bigint not null default 0',
  'alter table job add column cpus bigint not null default 0',
  `create index job_guest on job (kind, memory_mb, cpus)
    where state in ('queued', 'running') and memory_mb > 0`,
  'alter table host add column known_bytes bigint not null default 0',
  'alter table host add column memory_mb bigint',
  'alter table host add column cpus bigint',
  'alter table host add column growth_bytes bigint not null default 0',
  'alter table host add column build_places bigint not null default 2',
];

export const account: MigrationFor = (declared) => ({
  async up(db: Kysely<unknown>) {
    const run = async (text: string) =>
      void (await sql.raw(text.replaceAll(/\btext\b/g, declared.text)).execute(db));
    for (const statement of [...columns, ...declared.account.table]) await run(statement);
    for (const one of accounts) {
      const of = (text: string) => text.replaceAll('ROW', one.table);
      for (const organisation of [of(one.organisation), '0'])
        await run(`insert into account
          select organisation, kind, count(*), sum(a), sum(b), sum(c), sum(d) from (
            select ${organisation} as organisation, ${of(one.kind)} as kind, ${of(one.bytes)} as a,
              ${of(one.reservedBytes)} as b, ${of(one.memoryMb)} as c, ${of(one.cpus)} as d
            from ${one.table} where ${of(one.when)}) as counted
          where organisation is not null group by organisation, kind`);
      for (const statement of declared.account.keep(one)) await run(statement);
    }
    await run(`update host set known_bytes =
      coalesce((select sum(bytes) from account where organisation_id = 0), 0)`);
  },
});
