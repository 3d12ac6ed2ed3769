// Damage to the file of a store is found when the store is opened, and the message names the
// remedy.

import assert from 'node:assert/strict';
import { copyFile, open, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { copyStore, storeFile } from '../../src/store/sqlite/database.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { type Scope, temporaryFolder } from '../support.ts';

const pageBytes = 4096;

async function filled(t: Scope) {
  const dataDir = await temporaryFolder(t);
  const store = await openSqlite({ dataDir, now: Date.now });
  for (let n = 0; n < 300; n++)
    await store.write('system', (work) =>
      work.organisations.ensure(`an organisation of the number ${n}`),
    );
  await store.close();
  return dataDir;
}

const opened = async (dataDir: string) => {
  const store = await openSqlite({ dataDir, now: Date.now, check: true });
  await store.close();
};
const refused = {
  code: 'unavailable',
  message: /is damaged, and nothing is served.*silversmith restore --from/,
};

describe('a damaged store', () => {
  it('is refused, whichever of the pages in use is overwritten', async (t) => {
    const dataDir = await filled(t);
    const whole = await readFile(storeFile(dataDir));
    const pages = whole.length / pageBytes;
    const database = new DatabaseSync(storeFile(dataDir));
    const unused = Number(database.prepare('pragma freelist_count').get()?.freelist_count);
    database.close();
    let found = 0;
    for (let page = 0; page < pages; page++) {
      const bent = Buffer.from(whole);
      bent.fill(0xa5, page * pageBytes, page * pageBytes + pageBytes / 2);
      await writeFile(storeFile(dataDir), bent);
      await opened(dataDir).then(
        () => {},
        (error) => {
          assert.equal(error.code, 'unavailable', String(error));
          assert.match(error.message, refused.message);
          found++;
        },
      );
    }
    t.diagnostic(`${found} of ${pages} pages, ${unused} are not in use`);
    assert.equal(found, pages - unused);
    await writeFile(storeFile(dataDir), whole);
    await opened(dataDir);
  });

  it('is refused when its end is missing, or it is not a database', async (t) => {
    const dataDir = await filled(t);
    const { size } = await stat(storeFile(dataDir));
    await copyFile(storeFile(dataDir), join(dataDir, 'aside'));
    await truncate(storeFile(dataDir), size - 3 * pageBytes);
    await assert.rejects(opened(dataDir), refused);
    await writeFile(
      storeFile(dataDir),
      'something else entirely, of some length, that is not a database'.repeat(99),
    );
    await assert.rejects(opened(dataDir), refused);
    await copyFile(join(dataDir, 'aside'), storeFile(dataDir));
    await opened(dataDir);
  });

  it('does not become a backup', async (t) => {
    const dataDir = await filled(t);
    const handle = await open(storeFile(dataDir), 'r+');
    await handle.write(Buffer.alloc(pageBytes / 2, 0xa5), 0, pageBytes / 2, 5 * pageBytes);
    await handle.close();
    await assert.rejects(copyStore(dataDir, join(dataDir, 'copy.db')), { code: 'unavailable' });
    await assert.rejects(stat(join(dataDir, 'copy.db')), { code: 'ENOENT' });
  });
});
