// Fills the store of a server with images and machines of its first organisation, by statements,
// since a million rows through the API would take hours.

import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { storeFile } from '../../src/store/sqlite/database.ts';

/** One image in ten thousand has this text in its name; all others have the common one. */
export const rareText = 'needle';
export const commonText = 'classroom';

interface Size {
  images: number;
  machines: number;
}

/** The statements, which SQLite and PostgreSQL both take. */
function statements({ images, machines }: Size): string {
  const numbers = (count: number) =>
    `with recursive number (n) as (select 1 union all select n + 1 from number where n < ${count})`;
  const insertImages = `insert into image (organisation_id, name, name_folded, size_gb, status,
      source, layer_id, base_image_id, created_at, updated_at)`;
  const insertMachines = `insert into machine (organisation_id, name, name_folded, machine_type_id,
      machine_type, cpus, memory_mb, disk_size_gb, file_storage_size_gb, status, permissions,
      created_at, updated_at)`;
  return `begin;
    ${insertImages} ${numbers(images)}
      select 1, name, name, 2, 'available', 'seat', (select layer_id from base_image limit 1),
        (select id from base_image limit 1), 1000 * n, 1000 * n
      from (select n, case when n % 10000 = 5000 then '${rareText} ' else '${commonText} ' end || n
        as name from number) as named;
    ${insertMachines} ${numbers(machines)}
      select 1, 'machine ' || n, 'machine ' || n, id, code, cpus, memory_mb, disk_size_gb, 0,
        case when n % 4 = 0 then 'error' else 'off' end, '{}', 1000 * n, 1000 * n
      from number, (select * from machine_type limit 1) as type;
    commit`;
}

export function fill(dataDir: string, size: Size): void {
  const database = new DatabaseSync(storeFile(dataDir), { timeout: 60_000 });
  try {
    database.exec(`${statements(size)}; analyze`);
  } finally {
    database.close();
  }
}

/** The same in a database. */
export async function fillDatabase(url: string, size: Size): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statements(size));
    // As the database does by itself in the minute after.
    await client.query('vacuum analyze');
  } finally {
    await client.end();
  }
}
