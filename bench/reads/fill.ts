// Fills the store of a server with images and machines of its first organisation, by statements,
// since a million rows through the API would take hours.

import { DatabaseSync } from 'node:sqlite';
import { storeFile } from '../../src/store/sqlite/database.ts';

/** One image in ten thousand has this text in its name; all others have the common one. */
export const rareText = 'needle';
export const commonText = 'classroom';

export function fill(dataDir: string, size: { images: number; machines: number }): void {
  const database = new DatabaseSync(storeFile(dataDir), { timeout: 60_000 });
  const numbers = (count: number) =>
    `with recursive number (n) as (select 1 union all select n + 1 from number where n < ${count})`;
  try {
    database.exec(`begin immediate;
      ${numbers(size.images)}
      insert into image (organisation_id, name, name_folded, size_gb, status, source, layer_id,
          base_image_id, created_at, updated_at)
        select 1, name, name, 2, 'available', 'seat', (select layer_id from base_image limit 1),
          (select id from base_image limit 1), 1000 * n, 1000 * n
        from (select n, case when n % 10000 = 5000 then '${rareText} ' else '${commonText} ' end || n
          as name from number);
      ${numbers(size.machines)}
      insert into machine (organisation_id, name, name_folded, machine_type_id, machine_type, cpus,
          memory_mb, disk_size_gb, file_storage_size_gb, status, permissions, created_at, updated_at)
        select 1, 'machine ' || n, 'machine ' || n, id, code, cpus, memory_mb, disk_size_gb, 0,
          case when n % 4 = 0 then 'error' else 'off' end, '{}', 1000 * n, 1000 * n
        from number, (select * from machine_type limit 1);
      commit; analyze`);
  } finally {
    database.close();
  }
}
