// Several servers on one database answer as one.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { pathPrefix } from '../../src/contract/envelope.ts';
import { taskNames } from '../../src/reconcile/tasks.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { openPool } from '../../src/store/postgres/pool.ts';
import { PostgresSignatures } from '../../src/store/postgres/signatures.ts';
import { type Frame, listen } from '../http/event-reader.ts';
import { defer, waitFor } from '../support.ts';
import { startReplicas } from './replicas.ts';
import { startPostgres } from './server.ts';
import { sharedPostgres } from './shared.ts';

const server = await sharedPostgres();

describe('three servers on one database', () => {
  it('answer each signed read once, however many of them get it at the same moment', async (t) => {
    const s = await startReplicas(t, await server.database(), { count: 3 });
    for (let round = 0; round < 20; round++) {
      const request = {
        method: 'GET',
        path: `${pathPrefix}/images`,
        nonce: randomUUID(),
        timestamp: Date.now(),
      };
      const answers = await Promise.all(s.apps.map((app) => s.sendRaw(request, s.keys.ours, app)));
      assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [200, 401, 401]);
    }
  });

  it('make a change once, and give its answer again under its Idempotency-Key', async (t) => {
    const s = await startReplicas(t, await server.database(), { count: 3 });
    const [machineId] = s.machines;
    const request = {
      method: 'POST',
      path: `${pathPrefix}/machines/${machineId}/start`,
      headers: { 'idempotency-key': 'once' },
    };
    const captured = { ...request, nonce: randomUUID(), timestamp: Date.now() };
    const replies = await Promise.all(s.apps.map((app) => s.sendRaw(captured, s.keys.ours, app)));
    assert.deepEqual(replies.map(({ statusCode }) => statusCode).sort(), [200, 401, 401]);
    const done = replies.find(({ statusCode }) => statusCode === 200);
    const again = await Promise.all(s.apps.map((app) => s.sendRaw(request, s.keys.ours, app)));
    for (const answer of again) {
      assert.equal(answer.headers['idempotent-replayed'], 'true');
      assert.deepEqual(answer.json(), done?.json());
    }
  });

  it('tell their listeners the same events, and a listener goes on at another server', async (t) => {
    const s = await startReplicas(t, await server.database(), { count: 3 });
    for (const app of s.apps) await app.listen({ host: '127.0.0.1', port: 0 });
    const ports = s.apps.map((app) => (app.server.address() as AddressInfo).port);
    const hear = (port: number, more: object = {}) => listen(t, port, { as: s.keys.ours, ...more });
    const all = await Promise.all(ports.map((port) => hear(port)));
    for (const heard of all) await waitFor('it is open', () => heard.lastId() !== '');
    const ids: number[] = [];
    for (let n = 0; n < 12; n++) {
      const answer = await s.at(n).call('imageInstall');
      ids.push(answer.body.attributes.id);
    }
    const isLast = ({ data }: Frame) =>
      data.subject.id === String(ids.at(-1)) && data.status === 'available';
    for (const heard of all) await heard.until('the last image is made', isLast);
    await Promise.all(ids.map((id) => s.imageSettled(id)));
    await waitFor('all have all', () => new Set(all.map(({ frames }) => frames.length)).size === 1);
    const [first = [], ...others] = all.map(({ frames }) => frames.map(({ id }) => id));
    for (const other of others) assert.deepEqual(other, first);
    const lastEventId = first[2] ?? '';
    const again = await Promise.all(ports.map((port) => hear(port, { lastEventId })));
    for (const heard of again) {
      await waitFor('it has the rest', () => heard.frames.length === first.length - 3);
      assert.deepEqual(
        heard.frames.map(({ id }) => id),
        first.slice(3),
      );
    }
  });

  it('share the work: each job is done once, and no server does it all', async (t) => {
    const s = await startReplicas(t, await server.database(), { count: 3, speed: 50 });
    await s.store.write('system', (work) => work.organisations.setQuotas(s.ours, { builds: 1000 }));
    const jobsDone = () =>
      Promise.all(
        s.services.map(async ({ metrics }) => {
          const text = await metrics.text();
          const lines = /^silversmith_jobs_ended_total\{[^}]*outcome="done"[^}]*\} (\d+)/gm;
          return [...text.matchAll(lines)].reduce((sum, [, count]) => sum + Number(count), 0);
        }),
      );
    // The server that is fastest may get a whole round, and seldom the next one too.
    const perRound = 30;
    for (let round = 1; ; round++) {
      const images = await Promise.all(
        Array.from({ length: perRound }, (_, number) =>
          // Writes that conflict too often are refused, and asked for again.
          waitFor('the image is taken', async () => {
            const { status, body } = await s.at(number).call('imageInstall', {
              body: { software_ids: [s.editor.id], name: `image ${number}` },
            });
            assert.ok(status === 200 || status === 503, JSON.stringify(body));
            return status === 200 && Number(body.id);
          }),
        ),
      );
      for (const id of images) assert.equal((await s.imageSettled(id)).status, 'available');
      const done = await jobsDone();
      const sum = done.reduce((left, right) => left + right);
      assert.equal(sum, round * perRound);
      if (Math.max(...done) < sum) break;
      assert.ok(round < 10, `one server did all of ${round} rounds: ${done}`);
    }
  });

  it('count a key’s requests together against its limit', async (t) => {
    const requestsPerSecond = 20;
    const s = await startReplicas(t, await server.database(), { count: 3, requestsPerSecond });
    const begun = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 240 }, (_, number) => s.at(number).call('imageList')),
    );
    const passedS = (performance.now() - begun) / 1000;
    const accepted = answers.filter(({ status }) => status === 200).length;
    const most = 2 * requestsPerSecond + requestsPerSecond * passedS;
    assert.ok(
      accepted >= 2 * requestsPerSecond - 1 && accepted <= most + 1,
      `${accepted} of ${most}`,
    );
    for (const { status } of answers) assert.ok(status === 200 || status === 429);
  });

  it('start work at once that another server was asked for', async (t) => {
    const s = await startReplicas(t, await server.database(), { count: 2 });
    // The first server is asked, and only the second works.
    await s.services[0]?.reconciler.stop();
    const [id = 0] = s.machines;
    await s.call('machineStart', { params: { id } });
    await s.machineIs(id, 'ready');
  });

  it('leave their tasks to the others when they stop', async (t) => {
    const s = await startReplicas(t, await server.database(), { count: 1 });
    const held = () =>
      s.store.read('system', async (work) => {
        const owners = await Promise.all(
          taskNames.map((name) => work.jobs.leaseOwner(`task ${name}`)),
        );
        return owners.filter((owner) => owner !== undefined).length;
      });
    await waitFor('a task runs', async () => (await held()) > 0);
    await s.services[0]?.reconciler.stop();
    assert.equal(await held(), 0);
  });

  it('follow the clock of the database, whatever the clock of their host says', async (t) => {
    const url = await server.database();
    t.mock.method(Date, 'now', () => 0);
    const store = await openPostgres({ url });
    defer(t, () => store.close());
    const [row] = await server.query('select extract(epoch from clock_timestamp()) * 1000 as ms');
    assert.ok(Math.abs(store.clock.now() - Number(row?.ms)) < 60_000);
    assert.equal(await store.read('system', async (work) => work.now() > 1e12), true);
  });
});

describe('the memory of signatures that servers share', () => {
  it('forgets those of requests that are long over, and nothing else', async (t) => {
    const url = await server.databaseWithTables();
    const pool = openPool(url);
    defer(t, () => pool.end());
    let now = 1_000_000;
    const signatures = new PostgresSignatures(pool, { now: () => now, requestsPerSecond: 0 });
    await signatures.begin();
    defer(t, () => signatures.end());
    const use = (signature: string) =>
      signatures.use({ keyId: 'key' as never, signature, signedAt: now, expiresAt: now + 300_000 });
    await use('old');
    now += 300_000 + 15 * 60_000;
    await use('new');
    await signatures.prune();
    assert.equal(await server.count(url, 'read_signature'), 3);
    now += 1;
    await signatures.prune();
    // The marker says since when signatures are remembered.
    const left = await server.query('select signature from read_signature order by 1', url);
    assert.deepEqual(
      left.map(({ signature }) => signature),
      ['', 'new'],
    );
  });

  it('begins anew after a crash of the database, and refuses what was signed before', async (t) => {
    const own = await startPostgres(t);
    const store = await openPostgres({ url: await own.database() });
    defer(t, () => store.close());
    const request = (signature: string, signedAt: number) => ({
      keyId: 'key' as never,
      signature,
      signedAt,
      expiresAt: signedAt + 300_000,
    });
    const signedAt = store.clock.now() + 1;
    const { signatures } = store;
    assert.ok(signatures);
    assert.deepEqual(await signatures.use(request('one', signedAt)), { is: 'new' });
    assert.deepEqual(await signatures.use(request('one', signedAt)), { is: 'used' });
    assert.deepEqual(await signatures.use(request('old', 1)), { is: 'early' });
    await own.stop('immediate');
    await assert.rejects(signatures.use(request('two', signedAt)), {
      code: 'unavailable',
      retry: 'later',
    });
    await own.start();
    await waitFor('the store answers', () =>
      store.check().then(
        () => true,
        () => false,
      ),
    );
    // Another server may have seen it before the crash.
    assert.deepEqual(await signatures.use(request('three', signedAt)), { is: 'early' });
    assert.deepEqual(await signatures.use(request('four', store.clock.now() + 1000)), {
      is: 'new',
    });
  });
});
