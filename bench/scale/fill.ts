// Fills a database with a fleet: statements that make the rows inside PostgreSQL or SQLite, since a
// million rows through the store's port would take hours.
//
// Organisation 1 has half of everything and 99 others share the rest. Half of the images are
// captures with a layer of their own; ten of the others share one layer of installed software. Each
// machine has a disk, and a fifth of them also a kept one. The ids of layers and disks are digests,
// so that they are spread over their indexes as real ones are.

import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import type pg from 'pg';
import { storeFile } from '../../src/store/sqlite/database.ts';

export interface Size {
  machines: number;
  images: number;
}

const organisations = 100;
/** An image whose name has this text is one of ten thousand. */
export const rareText = 'needle';
export const commonText = 'image';

const layerId = (kind: string, number: string) => `substr(md5('${kind}' || (${number})), 1, 24)`;
const organisationOf = (number: string) =>
  `case when ${number} % 2 = 0 then 1 else 2 + (${number} / 2) % ${organisations - 1} end`;

const nowMs = String(Date.now());
/** The numbers from one to another, as a table with the column `n`. */
const numbers = (from: number, to: number) =>
  `(with recursive number (n) as (select ${from} union all select n + 1 from number where n < ${to})
    select n from number) as numbers`;
const size = 'machine_type_id, machine_type, cpus, memory_mb, disk_size_gb';

const layerColumns =
  'id, kind, parent_id, base_layer_id, key, state, virtual_bytes, created_at, used_at, boot, organisation_id';

const catalogue = [
  `insert into organisation (id, name, created_at, quotas)
    select n, 'organisation ' || n, ${nowMs}, '{"images":10000000,"machines":10000000}'
    from ${numbers(1, organisations)}`,
  `insert into machine_type (id, name, code, cpus, memory_mb, disk_size_gb, created_at)
    values (1, 'Small', 'small', 1, 512, 20, ${nowMs})`,
  `insert into layer (${layerColumns})
    select ${layerId('base', 'n')}, 'base', null, ${layerId('base', 'n')}, null, 'sealed',
      2147483648, ${nowMs}, ${nowMs}, '{"mode":"bios"}', null from ${numbers(1, 10)}`,
  `insert into base_image (id, name, size_gb, layer_id, created_at, proved_at)
    select n, 'Base ' || n, 2, ${layerId('base', 'n')}, ${nowMs}, ${nowMs} from ${numbers(1, 10)}`,
  `insert into software (id, name, size_gb, recipe, recipe_digest, created_at)
    select n, 'Title ' || n, 0.1, '{"script":"true","files":[],"network":false,"timeoutMs":1000}',
      'sha256:' || md5('title' || n), ${nowMs} from ${numbers(1, 50)}`,
];

/** Ten images share a software layer; every fifth of these layers stands on a base. */
const layers = ({ images }: Size) => [
  `insert into layer (${layerColumns})
    select ${layerId('software', 'n')}, 'software',
      case when n % 5 = 0 then ${layerId('base', '1 + (n / 5) % 10')} else ${layerId('software', 'n - 1')} end,
      ${layerId('base', '1 + (n / 5) % 10')}, md5('key' || n), 'sealed', 2147483648,
      ${nowMs} - 1000000, ${nowMs} - 1000000, null, null
    from ${numbers(0, Math.floor(images / 20))}`,
  `insert into layer (${layerColumns})
    select ${layerId('capture', 'n')}, 'capture', ${layerId('software', 'n / 20')},
      ${layerId('base', '1 + (n / 100) % 10')}, null, 'sealed', 2147483648,
      ${nowMs} - 500000, ${nowMs} - 500000, null, ${organisationOf('(n / 2)')}
    from ${numbers(1, images)} where n % 2 = 0`,
  `insert into layer_copy (layer_id, place, state, stored_bytes, digest, verified_at)
    select id, 'local', 'sound', 50000000, 'sha256:' || md5(id), created_at + 1000 from layer`,
];

const imageName = `case when n % 10000 = 2 then '${rareText} ' else '${commonText} ' end || n`;

const imagesAndMachines = ({ images, machines }: Size) => [
  `insert into image (id, organisation_id, name, name_folded, size_gb, status, source, layer_id,
      base_image_id, machine_id, created_at, updated_at)
    select n, ${organisationOf('(n / 2)')}, ${imageName}, ${imageName}, 2, 'available',
      case when n % 2 = 0 then 'seat' else 'pre_installation' end,
      case when n % 2 = 0 then ${layerId('capture', 'n')} else ${layerId('software', 'n / 20')} end,
      1 + (n / 100) % 10, null, ${nowMs}, ${nowMs}
    from ${numbers(1, images)}`,
  `insert into machine (id, organisation_id, name, name_folded, ${size}, region, file_storage_size_gb,
      status, permissions, assigned_image_id, created_at, updated_at)
    select n, ${organisationOf('n')}, 'machine ' || n, 'machine ' || n, 1, 'small', 1, 512, 20,
      'region ' || n % 100, 0, case when n % 4 < 2 then 'ready' else 'off' end, '{}', n,
      ${nowMs}, ${nowMs} from ${numbers(1, machines)}`,
  `insert into disk (id, organisation_id, machine_id, layer_id, state, size_gb, kept_until,
      created_at, image_id, stored_bytes)
    select ${layerId('disk', 'machine.id')}, machine.organisation_id, machine.id, image.layer_id,
      'active', 20, null, ${nowMs}, image.id, 200000
    from machine join image on image.id = machine.assigned_image_id`,
  `insert into disk (id, organisation_id, machine_id, layer_id, state, size_gb, kept_until,
      created_at, image_id, stored_bytes)
    select ${layerId('kept', 'machine.id')}, machine.organisation_id, machine.id, image.layer_id,
      'kept', 20, ${nowMs} + 200000000, ${nowMs}, image.id, 100000
    from machine join image on image.id = machine.assigned_image_id where machine.id % 5 = 0`,
  `update machine set disk_id = ${layerId('disk', 'machine.id')}`,
];

/** Two ended jobs and five entries of the audit trail for each machine. */
const history = ({ machines }: Size) =>
  [
    `insert into job (kind, organisation_id, machine_id, state, phase, progress, attempts, failures,
      not_before, data, created_at, updated_at)
    select 'machineStart', ${organisationOf('(n % {n})')}, 1 + n % ${machines}, 'done', 'done', 1, 1,
      0, ${nowMs}, '{}', ${nowMs}, ${nowMs} from ${numbers(1, 2 * machines)}`,
    `insert into audit (organisation_id, key_id, action, machine_id, request_id, client_code, created_at)
    select ${organisationOf('(n % {n})')}, 'key', 'machineStart', 1 + n % ${machines},
      md5('' || n), 200, ${nowMs} - n from ${numbers(1, 5 * machines)}`,
  ].map((text) => text.replaceAll('{n}', String(machines)));

const sequences = [
  ...['organisation', 'machine_type', 'base_image', 'software', 'image', 'machine'].map(
    (table) =>
      `select setval(pg_get_serial_sequence('${table}', 'id'), (select max(id) from ${table}))`,
  ),
  'vacuum analyze',
];

const rows = (size: Size) => [
  ...catalogue,
  ...layers(size),
  ...imagesAndMachines(size),
  ...history(size),
];

/** Fills an empty database that has the schema. */
export async function fill(client: pg.Client, size: Size): Promise<void> {
  await client.query("set synchronous_commit = off; set work_mem = '256MB'");
  for (const text of [...rows(size), ...sequences]) await client.query(text);
}

/** The same in the SQLite of a data directory, which no server uses. */
export function fillSqlite(dataDir: string, size: Size): void {
  const database = new DatabaseSync(storeFile(dataDir));
  try {
    database.function('md5', { deterministic: true }, (text) =>
      createHash('md5').update(String(text)).digest('hex'),
    );
    database.exec(`begin; ${rows(size).join(';\n')}; commit`);
  } finally {
    database.close();
  }
}

/** Replaces the open jobs by `count` stops, each of another machine. */
export async function queueStops(client: pg.Client, count: number): Promise<void> {
  await client.query(`delete from job where state in ('queued', 'running')`);
  await client.query(`insert into job (kind, organisation_id, machine_id, state, phase, progress,
      attempts, failures, not_before, data, created_at, updated_at)
    select 'machineStop', organisation_id, id, 'queued', 'waiting', 0, 0, 0, 0, '{}', ${nowMs}, ${nowMs}
    from machine order by id limit ${count}`);
  await client.query('vacuum analyze job');
}
