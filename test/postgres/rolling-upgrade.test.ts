// The upgrade of several servers one after the other: the first new one migrates the database, and
// the others go on beside it until their turn comes.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { statements } from '../../src/store/migrations/statements.ts';
import { postgresMigrations } from '../../src/store/postgres/migrate.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { defer } from '../support.ts';
import { startReplicas } from './replicas.ts';
import { sharedPostgres } from './shared.ts';

const server = await sharedPostgres();

const declared = {
  identity: '',
  text: 'text',
  unlogged: '',
  searchIn: () => [],
  tally: { table: [], count: () => [], recount: () => [] },
  account: { table: [], keep: () => [] },
};
const next = '9998-of-the-next-version';
const wider = statements(
  ['image', 'machine', 'job', 'disk', 'layer', 'access_key', 'organisation']
    .map((table) => `alter table ${table} add column hint text`)
    .join(';\n'),
)(declared);
const known = { ...postgresMigrations, [next]: wider };

describe('servers that are upgraded one after the other', () => {
  it('go on beside a newer one whose migration only adds', async (t) => {
    const url = await server.database();
    const old = await startReplicas(t, url, { count: 2 });
    const { editor, machines, keys } = old;
    const [id = 0] = machines;
    await old.at(0).call('machineStart', { params: { id } });
    await old.machineIs(id, 'ready');
    const newer = await openPostgres({ url, known, additions: [next] });
    defer(t, () => newer.close());
    // Every statement of the old servers was planned on the tables as they were before.
    for (let number = 0; number < 6; number++) {
      const body = { software_ids: [editor.id], name: `after the upgrade ${number}` };
      const made = await old.at(number, keys.ours).call('imageInstall', { body });
      assert.equal(made.status, 200, JSON.stringify(made.body));
      assert.equal((await old.imageSettled(made.body.attributes.id)).status, 'available');
    }
    await old.at(1).call('machineStop', { params: { id } });
    await old.machineIs(id, 'off');
    for (const app of old.apps)
      assert.equal((await app.inject({ url: '/readyz' })).statusCode, 200);
    await newer.read('system', async (work) =>
      assert.equal((await work.machines.get(id as never)).status, 'off'),
    );
    // An old server that is started again, as after a crash, works too.
    const again = await openPostgres({ url });
    defer(t, () => again.close());
    await again.check();
  });

  it('end, and are not started again, below a migration that takes something away', async (t) => {
    const url = await server.database();
    const old = await openPostgres({ url });
    defer(t, () => old.close());
    const newer = await openPostgres({ url, known });
    defer(t, () => newer.close());
    await newer.check();
    await assert.rejects(old.check(), {
      code: 'unavailable',
      message: /changed by another version/,
    });
    await assert.rejects(openPostgres({ url }), /written by a newer Silversmith/);
  });
});
