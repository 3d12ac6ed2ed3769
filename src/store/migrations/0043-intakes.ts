// Adds the intakes: what the taking in of a disk from outside has on the host's disk, and may still
// write there. The unpacked files count for the host alone, and a layer for its organisation too.

import { type Kysely, sql } from 'kysely';
import { type MigrationFor, statements } from './statements.ts';

const table = statements(`
create table intake (
  layer_id text not null, part text not null, organisation_id bigint, bytes bigint not null,
  reserved_bytes bigint not null, expires_at bigint not null, primary key (layer_id, part))`);

export const intakes: MigrationFor = (declared) => ({
  async up(db: Kysely<unknown>) {
    await table(declared).up(db);
    const kept = declared.account.keep({
      table: 'intake',
      columns: ['bytes', 'reserved_bytes'],
      organisation: 'ROW.organisation_id',
      kind: `'intake'`,
      when: '1 = 1',
      bytes: 'ROW.bytes',
      reservedBytes: 'ROW.reserved_bytes',
      memoryMb: '0',
      cpus: '0',
    });
    for (const statement of kept) await sql.raw(statement).execute(db);
  },
});
