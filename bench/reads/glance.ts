// Glance, the image service of OpenStack, from Debian's package: a peer that keeps images in a
// database as we do. It is measured where its commands are on the PATH. It is given the less work:
// one process, SQLite, no log, and nobody is authenticated.

import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { freePort, isInstalled, type Peer, startPeer } from './peer.ts';

const perPage = 20;

/** Starts it in a folder of its own, with so many images; null where it is not installed. */
export async function startGlance(folder: string, images: number): Promise<Peer | null> {
  if (!isInstalled('glance-api')) return null;
  await mkdir(folder);
  const [database, settings] = [join(folder, 'glance.sqlite'), join(folder, 'glance.conf')];
  const port = await freePort();
  await writeFile(settings, settingsOf(folder, database, port));
  const { status, stderr } = spawnSync('glance-manage', ['--config-file', settings, 'db_sync'], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`glance-manage ended with ${status}: ${stderr.slice(-2000)}`);
  fill(database, images);
  const at = { url: `http://127.0.0.1:${port}`, path: `/v2/images?limit=${perPage}` };
  return startPeer(['glance-api', '--config-file', settings], at, (answer) => {
    const found = (answer as { images?: { name: string }[] }).images ?? [];
    const isPage = found.length === perPage && found[0]?.name === `classroom ${images}`;
    if (!isPage) throw new Error(`Glance answers: ${JSON.stringify(answer).slice(0, 500)}`);
    return isPage;
  });
}

const settingsOf = (folder: string, database: string, port: number) => `
[DEFAULT]
bind_host = 127.0.0.1
bind_port = ${port}
# Zero: the process itself answers, and starts no other.
workers = 0
log_file = ${join(folder, 'log')}
default_log_levels = eventlet.wsgi.server=ERROR
[database]
connection = sqlite:///${database}
[glance_store]
stores = file
default_store = file
filesystem_store_datadir = ${folder}
[paste_deploy]
config_file = /etc/glance/glance-api-paste.ini
`;

/** Images as Glance stores them: each has a row, and one for the place of its bytes. */
function fill(file: string, images: number): void {
  const database = new DatabaseSync(file);
  const times = "datetime(1000000000 + n, 'unixepoch') || '.000000'";
  const id = "printf('%08x-0000-4000-8000-%012x', n, n)";
  try {
    database.exec(`begin;
      create temporary table number as with recursive number (n) as
        (select 1 union all select n + 1 from number where n < ${images}) select n from number;
      insert into images (id, name, size, status, created_at, updated_at, deleted, disk_format,
          container_format, checksum, min_disk, min_ram, visibility)
        select ${id}, 'classroom ' || n, 2147483648, 'active', ${times}, ${times}, 0, 'qcow2',
          'bare', '00000000000000000000000000000000', 0, 0, 'public' from number;
      insert into image_locations (image_id, value, created_at, updated_at, deleted, meta_data)
        select ${id}, 'file:///nowhere/' || n, ${times}, ${times}, 0, '{}' from number;
      commit; analyze`);
  } finally {
    database.close();
  }
}
