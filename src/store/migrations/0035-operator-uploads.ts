// Adds the files that operators send over their API, before anything is made of them. They belong
// to no organisation, and count for the host alone.

import { type Kysely, sql } from 'kysely';
import { type MigrationFor, statements } from './statements.ts';

const table = statements(`
create table operator_upload (
  id text primary key, bytes bigint not null, received_bytes bigint not null,
  created_at bigint not null, expires_at bigint not null)`);

export const operatorUploads: MigrationFor = (declared) => ({
  async up(db: Kysely<unknown>) {
    await table(declared).up(db);
    const kept = declared.account.keep({
      table: 'operator_upload',
      columns: ['bytes', 'received_bytes'],
      organisation: 'cast(null as bigint)',
      kind: `'upload'`,
      when: '1 = 1',
      bytes: 'ROW.received_bytes',
      // The file takes room, and so does what is made of it.
      reservedBytes: '2 * ROW.bytes - 2 * ROW.received_bytes',
      memoryMb: '0',
      cpus: '0',
    });
    for (const statement of kept) await sql.raw(statement).execute(db);
  },
});
