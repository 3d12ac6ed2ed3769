// The audit trail: its entries, their filters, and the removal of old entries.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { movableClock } from '../support.ts';
import { startHarness } from './harness.ts';
import { trail } from './trail.ts';

const dayMs = 24 * 3600_000;

describe('the audit trail', () => {
  it('gets one entry for a refused assignment, however many machines it names', async (t) => {
    const { h, entryOf, image } = await trail(t);
    const id = await image();
    const machine_ids = Array.from({ length: 1000 }, (_, index) => 5000 + index);
    const answer = await h.call('imageAssign', { params: { id }, body: { machine_ids } });
    assert.deepEqual(await entryOf(answer), {
      action: 'image_assigned',
      code: 4211,
      image: id,
      machines: [null],
      transfer: null,
    });
  });

  it('gets no entry for a wrong signature, nor for a request beyond the rate', async (t) => {
    const { h } = await trail(t, { requestsPerSecond: 1 });
    const request = { method: 'POST', path: '/organization-management/v1/machines/1/stop' };
    await h.send({ ...request, signature: '0'.repeat(64) });
    const codes: number[] = [];
    for (let n = 0; n < 5; n++) codes.push((await h.send(request)).body.client_code);
    assert.ok(codes.includes(429), String(codes));
    const { count } = await h.store.read(h.ours, (work) =>
      work.audit.list({ from: 0, to: Number.MAX_SAFE_INTEGER, limit: 100 }),
    );
    assert.equal(count, codes.filter((code) => code === 200).length);
  });

  it('loses its entries after their time, however many there are', async (t) => {
    const { clock, advance } = movableClock();
    const { h, image } = await trail(t, { clock, settings: { auditKeptMs: 10 * dayMs } });
    await image();
    const database = new DatabaseSync(join(h.dataDir, 'silversmith.db'));
    t.after(() => database.close());
    const countOf = () =>
      Object.values(database.prepare('select count(*) from audit').get() ?? {})[0];
    database.exec(`insert into audit (organisation_id, key_id, action, request_id, client_code, created_at)
      with recursive n (i) as (select 1 union all select i + 1 from n where i < 25000)
      select ${h.ours}, 'key', 'imageDelete', 'r', 200, ${Date.now() - 11 * dayMs} from n`);
    assert.equal(countOf(), 25_001);
    await h.service.reconciler.task('collect');
    assert.equal(countOf(), 1);
    advance(11 * dayMs);
    await h.service.reconciler.task('collect');
    assert.equal(countOf(), 0);
  });

  it('is listed and pruned through its indexes, without a sort', async (t) => {
    const statements: string[] = [];
    const { h } = await trail(t, { onQuery: (sql) => statements.push(sql) });
    await h.call('userActionLogList');
    await h.store.write('system', (work) => work.audit.prune(1));
    const database = new DatabaseSync(join(h.dataDir, 'silversmith.db'));
    t.after(() => database.close());
    const audited = statements.filter((sql) => /"audit"/.test(sql));
    assert.equal(audited.length, 4);
    for (const sql of audited) {
      const plan = database
        .prepare(`explain query plan ${sql}`)
        .all()
        .map((row) => String(row.detail))
        .join('; ');
      assert.match(plan, /USING (COVERING )?INDEX audit_(listed|created)/, sql);
      assert.doesNotMatch(plan, /TEMP B-TREE|SCAN/, sql);
    }
  });
});

describe('a list of the audit trail', () => {
  it('shows changes and refusals with key, image, machines and request id, of one organisation only', async (t) => {
    const h = await startHarness(t);
    const { body: image, headers } = await h.call('imageInstall', { body: { name: 'Mine' } });
    await h.imageSettled(image.attributes.id);
    await h.call('imageAssign', { params: { id: image.id }, body: { machine_ids: h.machines } });
    await h.call('machineStop', { params: { id: 999 } });
    await h.call('imageInstall', {}, h.keys.theirs);
    const list = async (query = '') => (await h.call('userActionLogList', { query })).body;
    const all = await list();
    assert.deepEqual(
      all.logs.map(
        ({
          attributes,
        }: {
          attributes: {
            action_type: string;
            organization_machine_id: number | null;
            metadata: { client_code: number };
          };
        }) => [
          attributes.action_type,
          attributes.organization_machine_id,
          attributes.metadata.client_code,
        ],
      ),
      [
        ['machine_stopped', 999, 404],
        ['image_assigned', h.machines[1], 200],
        ['image_assigned', h.machines[0], 200],
        ['image_created', null, 200],
      ],
    );
    assert.deepEqual(all.logs.at(-1).attributes.metadata, {
      key: h.keys.ours.key,
      image_id: Number(image.id),
      transfer_id: null,
      touched_key: null,
      webhook_id: null,
      address: null,
      duration_ms: null,
      request_id: headers['x-request-id'],
      client_code: 200,
    });
    assert.equal((await list(`?organization_machine_id=${h.machines[0]}`)).count, 1);
    assert.equal((await list('?action_type=image_assigned')).count, 2);
    assert.equal((await list('?user_email=a@b.c')).count, 0);
    assert.equal((await list('?end_date=2020-01-01')).count, 0);
    assert.equal((await list('?start_date=2020-01-01')).count, 4);
    for (const wrong of [
      '?start_date=yesterday',
      '?end_date=2020-13-01',
      '?start_date=2030-01-01&end_date=2020-01-01',
    ]) {
      assert.equal((await list(wrong)).client_code, 400, wrong);
    }
  });
});
