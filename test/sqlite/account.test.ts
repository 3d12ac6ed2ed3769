// The account of a store that was changed by hand: the doctor tells, and the next start mends it.

import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { mendAccount } from '../../src/reconcile/capacity.ts';
import { accountFindings } from '../../src/reconcile/findings.ts';
import { storeFile } from '../../src/store/sqlite/database.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { defer, temporaryFolder } from '../support.ts';

describe('an account that is not that of the rows', () => {
  it('is told by the doctor, and counted anew by the next server', async (t) => {
    const dataDir = await temporaryFolder(t);
    const store = await openSqlite({ dataDir, now: Date.now });
    defer(t, () => store.close());
    await store.write('system', async (work) => {
      const organisationId = await work.organisations.ensure('ours');
      await work.transfers.add({
        ...{ id: 'upload' as never, organisationId, kind: 'import', format: 'qcow2' },
        ...{ imageId: null, name: 'n', status: 'receiving', bytes: 100, heldBytes: 100 },
        ...{
          receivedBytes: 40,
          sha256: null,
          manifest: null,
          signature: null,
          attestation: null,
          expiresAt: 0,
        },
      });
    });
    const sums = () =>
      store.read('system', async ({ account }) => ({
        kept: await account.kinds(),
        rows: await account.recounted(),
      }));
    const { kept, rows } = await sums();
    assert.deepEqual(accountFindings(kept, rows), []);
    assert.equal(await mendAccount(store), false);
    const database = new DatabaseSync(storeFile(dataDir));
    database.exec('update account set reserved_bytes = 5000 where organisation_id = 0');
    database.close();
    const after = await sums();
    const [finding] = accountFindings(after.kept, after.rows);
    assert.match(finding?.found ?? '', /5000 bytes reserved.*the rows.*160 bytes reserved/);
    assert.equal(await mendAccount(store), true);
    assert.deepEqual((await sums()).kept, rows);
  });
});
