// Upgrades of SQLite stores.

import { DatabaseSync } from 'node:sqlite';
import { storeFile } from '../../src/store/sqlite/database.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { testUpgrades } from '../contract/upgrade.ts';
import { defer, temporaryFolder } from '../support.ts';
import { storeOf } from './schemas.ts';

testUpgrades('SQLite', async (t, version) => {
  const dataDir = await temporaryFolder(t);
  await storeOf(dataDir, version);
  return {
    async run(statement) {
      const database = new DatabaseSync(storeFile(dataDir));
      database.exec(statement);
      database.close();
    },
    async open(now = Date.now) {
      const store = await openSqlite({ dataDir, now, check: true });
      defer(t, () => store.close());
      return store;
    },
  };
});
