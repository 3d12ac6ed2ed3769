// Several servers on one database admit no more starts together than the host has room for.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { defer, type Scope, waitFor } from '../support.ts';
import { startReplicas } from './replicas.ts';
import { type PostgresServer, startPostgres } from './server.ts';

const file: Scope = { after };
defer(file, () => {});
let server: PostgresServer;

before(async () => {
  server = await startPostgres(file);
});

describe('three servers on one database', () => {
  it('admit as many starts as fit, of all organisations and through all servers together', async (t) => {
    const most = 4;
    const settings = { hostMemoryMb: most * 512, memoryOvercommit: 1 };
    const s = await startReplicas(t, await server.database(), { count: 3, settings });
    await waitFor(
      'the host is measured',
      async () =>
        (await s.store.read('system', (work) => work.account.host()))?.admission.memoryMb ===
        most * 512,
    );
    const machines = [
      ...s.machines.map((id) => ({ id, key: s.keys.ours })),
      ...(await Promise.all(
        Array.from({ length: 4 }, async () => ({
          id: (await s.addMachine(s.theirs)).id,
          key: s.keys.theirs,
        })),
      )),
    ];
    const account = () =>
      s.store.read('system', async (work) => ({
        host: await work.account.host(),
        kept: (await work.account.kinds()).find(({ kind }) => kind === 'machine'),
        rows: (await work.account.recounted()).find(({ kind }) => kind === 'machine'),
      }));
    for (let round = 0; round < 2; round++) {
      const answers = await Promise.all(
        machines.map(({ id, key }, index) =>
          s.at(round + index, key).call('machineStart', { params: { id } }),
        ),
      );
      const codes = answers.map(({ body }) => body.client_code);
      assert.deepEqual(codes.sort(), [200, 200, 200, 200, 440, 440], JSON.stringify(answers[0]));
      const on = await waitFor('what was admitted is on', async () => {
        const ready = await s.store.read('system', (work) => work.machines.ready());
        return ready.length === most && ready.map(({ id }) => id);
      });
      const { host, kept, rows } = await account();
      assert.equal(host?.held.memoryMb, most * 512);
      assert.deepEqual(kept, rows);
      for (const { id, key } of machines.filter((one) => on.includes(one.id)))
        assert.equal((await s.at(id, key).call('machineStop', { params: { id } })).status, 200);
      await waitFor('all are off', async () => (await account()).host?.held.memoryMb === 0);
    }
    await s.store.write('system', (work) => work.host.joinTallies());
    assert.equal((await account()).host?.held.memoryMb, 0);
  });
});
