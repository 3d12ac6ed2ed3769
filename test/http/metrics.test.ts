// The metrics: their numbers are correct, and every alert names a number that exists.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { localCopy } from '../../src/domain/layer-copy.ts';
import type { Engine } from '../../src/engine/port/engine.ts';
import { parseConfig } from '../../src/server/options.ts';
import { waitFor } from '../support.ts';
import { faulty } from './fault.ts';
import { type Harness, startHarness } from './harness.ts';

const guide = (name: string) =>
  readFile(new URL(`../../docs/guide/${name}`, import.meta.url), 'utf8');

async function numbersOf(h: Harness) {
  const { statusCode, body, headers } = await h.service.app.inject({
    method: 'GET',
    url: '/metrics',
  });
  assert.equal(statusCode, 200);
  assert.match(String(headers['content-type']), /^text\/plain/);
  /** The value of a line whose name and labels are these; undefined when there is none. */
  const of = (name: string) => {
    const line = body.split('\n').find((one) => one.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.slice(name.length + 1));
  };
  return { body, of };
}

describe('the numbers at /metrics', () => {
  it('count existing things, completed work and failures', async (t) => {
    const h = await startHarness(t);
    const built = await h.call('imageInstall', { body: { software_ids: [h.editor.id] } });
    const broken = await h.call('imageInstall', { body: { software_ids: [h.broken.id] } });
    await h.service.reconciler.settle();
    assert.deepEqual([built.status, broken.status], [200, 200]);
    await h.call('machineGet', { params: { id: 999_999 } });
    await h.service.reconciler.task('measure');
    const { of, body } = await numbersOf(h);
    assert.equal(of('silversmith_images{status="available"}'), 1);
    assert.equal(of('silversmith_images{status="failed"}'), 1);
    assert.equal(of('silversmith_machines{status="off"}'), 2);
    assert.equal(of('silversmith_layers{kind="base",state="sealed"}'), 1);
    assert.equal(of('silversmith_jobs_ended_total{kind="imageInstall",outcome="done"}'), 1);
    assert.equal(of('silversmith_jobs_ended_total{kind="imageInstall",outcome="failed"}'), 1);
    assert.equal(
      of('silversmith_http_request_duration_seconds_count{operation="imageInstall",code="200"}'),
      2,
    );
    assert.equal(
      of('silversmith_http_request_duration_seconds_count{operation="machineGet",code="404"}'),
      1,
    );
    assert.equal(of('silversmith_job_oldest_due_seconds'), 0);
    assert.equal(of('silversmith_job_oldest_open_seconds'), 0);
    assert.equal(of('silversmith_job_wait_seconds_count{kind="imageInstall"}'), 2);
    assert.equal(of('silversmith_engine_verb_duration_seconds_count{verb="buildLayer"}'), 2);
    assert.equal(of('silversmith_engine_verb_failures_total{verb="buildLayer"}'), undefined);
    assert.ok((of('silversmith_store_write_duration_seconds_count') ?? 0) > 5);
    assert.equal(of('silversmith_store_reruns_total'), 0);
    assert.equal(of('silversmith_job_leases_overdue'), 0);
    assert.ok((of('silversmith_host_disk_free_bytes') ?? 0) > 0);
    const passed = of('silversmith_reconciler_last_pass_timestamp_seconds') ?? 0;
    assert.ok(Math.abs(passed - Date.now() / 1000) < 60);
    // The page holds no name, key or secret of an organisation.
    for (const secret of [h.keys.ours.key, h.keys.ours.secret, 'Editor', 'ours'])
      assert.ok(!body.includes(secret), `${secret} is not among the numbers`);
  });

  it('count the calls of the engine that failed', async (t) => {
    const wrapEngine = (engine: Engine) =>
      faulty(
        engine,
        () => 'before',
        () => {},
      );
    const h = await startHarness(t, { reconcile: false, wrapEngine });
    await h.service.reconciler.task('verify').catch(() => {});
    const { of } = await numbersOf(h);
    assert.equal(of('silversmith_engine_verb_failures_total{verb="digest"}'), 1);
  });

  it('count jobs that wait, jobs whose owner is silent, and damaged layers', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const [machine] = h.machines;
    const started = await h.call('machineStart', { params: { id: machine } });
    assert.equal(started.status, 200);
    const askedAt = Date.now();
    await waitFor('a moment has passed', () => Date.now() > askedAt + 10);
    const waiting = await numbersOf(h);
    assert.equal(waiting.of('silversmith_jobs{kind="machineStart",state="queued"}'), 1);
    for (const name of ['job_oldest_open_seconds', 'job_oldest_due_seconds'])
      assert.ok((waiting.of(`silversmith_${name}`) ?? 0) >= 0.01, name);
    const [job] = await h.store.read('system', (work) => work.jobs.open(1));
    assert.ok(job);
    await h.store.write('system', (work) => work.jobs.claim([job.id], 'somebody who died', -1000));
    const layer = (await h.store.read('system', (work) => work.layers.list()))[0];
    assert.ok(layer);
    await h.store.write('system', (work) =>
      work.layerCopies.update(localCopy(layer.id), { state: 'quarantined' }),
    );
    // A count that took long, as on a busy host, is given for some seconds.
    const { of } = await waitFor(
      'the silent owner is counted',
      async () => {
        const numbers = await numbersOf(h);
        return numbers.of('silversmith_job_leases_overdue') === 1 && numbers;
      },
      60_000,
    );
    assert.equal(of('silversmith_layers{kind="base",state="quarantined"}'), 1);
    // A number disappears when the last thing that it counts is gone.
    assert.equal(of('silversmith_jobs{kind="machineStart",state="queued"}'), undefined);
  });

  it('include every number of the alerts and the dashboard; the guide has each number and alert', async (t) => {
    const h = await startHarness(t);
    await h.service.reconciler.pass();
    const { body } = await numbersOf(h);
    const known = new Set([...body.matchAll(/^# TYPE (\w+)/gm)].map((match) => match[1]));
    const [rules = '', dashboard = '', operations = ''] = await Promise.all(
      ['alerts.yml', 'grafana-dashboard.json', 'operations.md'].map(guide),
    );
    const asked = [...`${rules}${dashboard}`.matchAll(/\b(?:silversmith|process|nodejs)_\w+/g)].map(
      ([name]) => name.replace(/_(count|bucket)$/, ''),
    );
    assert.ok(new Set(asked).size > 25);
    for (const name of asked) assert.ok(known.has(name), `${name} is not among the numbers`);
    const alerts = [...rules.matchAll(/alert: (\w+)/g)].map((match) => match[1]);
    for (const alert of alerts)
      assert.ok(operations.includes(`**${alert}.**`), `operations.md says nothing of ${alert}`);
    const names = [...known].filter((name) => name?.startsWith('silversmith_'));
    for (const name of names)
      assert.ok(operations.includes(`\`${name?.slice(12)}\``), `operations.md has no ${name}`);
    for (const name of names) assert.ok(asked.includes(name ?? ''), `${name} is shown nowhere`);
  });
});

describe('the address of /metrics', () => {
  it('is a name or an address, and a port', () => {
    const of = (metrics: string) => parseConfig({ metrics }, {}).metrics;
    assert.deepEqual(of('127.0.0.1:9100'), { host: '127.0.0.1', port: 9100 });
    assert.deepEqual(of('[::1]:0'), { host: '::1', port: 0 });
    assert.deepEqual(of('watch.internal:80'), { host: 'watch.internal', port: 80 });
    for (const wrong of [
      '9100',
      '127.0.0.1',
      '::1:9100',
      '::1]:9100',
      '[::1:9100',
      'a:99999',
      'http://a:1',
      '',
    ])
      assert.throws(() => of(wrong), /--metrics is/, wrong);
  });
});

describe('/metrics beside the API', () => {
  it('answers callers on this host only: no callers of a proxy, no other host, and no page in a browser', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const ask = async (headers: Record<string, string> = {}, remoteAddress = '127.0.0.1') =>
      (await h.service.app.inject({ method: 'GET', url: '/metrics', headers, remoteAddress }))
        .statusCode;
    assert.equal(await ask(), 200);
    assert.equal(await ask({ host: '[::1]:8080' }, '::ffff:127.0.0.1'), 200);
    for (const name of ['forwarded', 'x-forwarded-for', 'X-Forwarded-Proto', 'x-real-ip', 'via'])
      assert.equal(await ask({ [name]: 'for=10.0.0.1' }), 404, name);
    assert.equal(await ask({}, '10.0.0.1'), 404);
    assert.equal(await ask({ host: 'evil.example' }), 404);
  });
});
