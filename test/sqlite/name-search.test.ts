// Many searches at the same time leave the event loop to other requests.

import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { storeFile } from '../../src/store/sqlite/database.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { putMigratedStore } from '../migrated.ts';
import { defer, type Scope, temporaryFolder } from '../support.ts';

const images = 5000;

/**
 * A store with many images; `turns` has the turn of the event loop of each statement that searches.
 */
async function searching(t: Scope) {
  const dataDir = await temporaryFolder(t);
  await putMigratedStore(dataDir);
  const turns: number[] = [];
  let turn = 0;
  const onQuery = (text: string) => {
    if (text.includes(' like ')) turns.push(turn);
  };
  const store = await openSqlite({ dataDir, now: Date.now, onQuery });
  defer(t, () => store.close());
  const own = await store.write('system', (work) => work.organisations.ensure('one'));
  const image = { sizeGb: 1, source: 'seat', baseImageId: null, machineId: null } as const;
  await store.write(own, (work) =>
    work.images.add({ ...image, organisationId: own, name: 'first' }),
  );
  const database = new DatabaseSync(storeFile(dataDir));
  const columns = database.prepare('select name from pragma_table_info(?)').all('image');
  const rest = columns.map(({ name }) => String(name)).filter((name) => name !== 'id');
  database.exec(`with recursive counted (n) as
      (select 2 union all select n + 1 from counted where n < ${images})
    insert into image (${rest}) select ${rest} from image, counted where image.id = 1`);
  database.close();
  let isOver = false;
  const tick = () => {
    turn++;
    if (!isOver) setImmediate(tick);
  };
  tick();
  defer(t, () => {
    isOver = true;
  });
  const search = (q: string, page = 1) =>
    store.read(own, (work) => work.images.list({ page, perPage: 20, q }));
  return { search, turns };
}

describe('many searches at the same time', () => {
  it('look at one piece of a list in a turn of the event loop', async (t) => {
    const { search, turns } = await searching(t);
    const texts = Array.from({ length: 20 }, (_, at) => `nowhere ${at}`);
    const found = await Promise.all(texts.map((text) => search(text)));
    assert.ok(found.every(({ count }) => count === 0));
    assert.equal(turns.length, texts.length);
    assert.equal(new Set(turns).size, texts.length);
  });

  it('look once for a text that all of them ask for', async (t) => {
    const { search, turns } = await searching(t);
    const pages = Array.from({ length: 20 }, (_, at) => at + 1);
    const found = await Promise.all(pages.map((page) => search('nowhere', page)));
    assert.ok(found.every(({ count }) => count === 0));
    assert.equal(turns.length, 1);
  });
});
