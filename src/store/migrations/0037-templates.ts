// Adds the templates of images, their bytes in the account of the host, the policies by which they
// are made, and how each machine was last started.

import { type Kysely, sql } from 'kysely';
import { type MigrationFor, statements } from './statements.ts';

const tables = statements(`
create table template (
  id text primary key, layer_id text not null, cpus bigint not null, memory_mb bigint not null,
  place text not null, fingerprint text not null, state text not null, result_layer_id text,
  state_bytes bigint not null, memory_bytes bigint not null, state_sha256 text, memory_sha256 text,
  failures bigint not null, retry_at bigint, reason text, created_at bigint not null,
  made_at bigint, last_used_at bigint, verified_at bigint, deleting_at bigint);
create unique index template_of on template (layer_id, cpus, memory_mb, fingerprint, place)
  where state <> 'deleting';
create index template_result on template (result_layer_id);
alter table image add column templates text;
alter table organisation add column templates text;
alter table machine add column started_from text;
alter table machine add column started_because text;
alter table machine add column started_ms bigint`);

export const templates: MigrationFor = (declared) => ({
  async up(db: Kysely<unknown>) {
    await tables(declared).up(db);
    const kept = declared.account.keep({
      table: 'template',
      columns: ['state_bytes', 'memory_bytes'],
      organisation: 'cast(null as bigint)',
      kind: `'template'`,
      when: '1 = 1',
      bytes: 'ROW.state_bytes + ROW.memory_bytes',
      reservedBytes: '0',
      memoryMb: '0',
      cpus: '0',
    });
    for (const statement of kept) await sql.raw(statement).execute(db);
  },
});
