// The signature of a request, and the rate of a key.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { pathPrefix } from '../../src/contract/envelope.ts';
import { startHarness } from './harness.ts';

describe('signing', () => {
  const path = '/organization-management/v1/software';

  it('accepts a signature that openssl makes as the contract describes it', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const timestamp = Date.now();
    const text = `${h.keys.ours.key}GET${path}${timestamp}abc`;
    const signature = execFileSync(
      'openssl',
      ['dgst', '-sha256', '-hmac', h.keys.ours.secret, '-r'],
      { input: text },
    )
      .toString()
      .slice(0, 64);
    assert.equal(
      (await h.send({ method: 'GET', path, nonce: 'abc', timestamp, signature })).status,
      200,
    );
  });

  it('accepts the path without its leading slash, ignores the query, and covers the bytes of the body', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    assert.equal((await h.send({ method: 'GET', path, signedPath: path.slice(1) })).status, 200);
    assert.equal((await h.send({ method: 'GET', path, query: '?a=b' })).status, 200);
    assert.equal(
      (await h.send({ method: 'GET', path, query: '?a=b', signedPath: `${path}?a=b` })).status,
      401,
    );
    const install = { method: 'POST', path: '/organization-management/v1/images/install' };
    assert.equal(
      (await h.send({ ...install, body: '{ "name" : "Ünïcode",\n "software_ids": [ ] }' })).status,
      200,
    );
  });

  it('refuses a clock that is minutes off, and a header of a wrong form', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    for (const timestamp of [Date.now() - 301_000, Date.now() + 301_000]) {
      const answer = await h.send({ method: 'GET', path, timestamp });
      assert.equal(answer.status, 401);
      assert.match(answer.body.message, /clock/);
    }
    const now = String(Date.now());
    const digits = [
      now.slice(0, 10),
      `0${now}`,
      `0${now.slice(1)}`,
      `${now}0`,
      `+${now.slice(1)}`,
      `${now}.0`,
      '1e12',
    ];
    const headers = ['', 'Bearer x', 'HMAC a:b:c:d', 'HMAC a:b'];
    const form = (key: string, nonce: string, timestamp: string) =>
      `HMAC ${key}:${'0'.repeat(64)}:${nonce}:${timestamp}`;
    for (const timestamp of digits) headers.push(form(h.keys.ours.key, 'n', timestamp));
    for (const key of ['short77', 'k'.repeat(65), 'with space', 'with.dots', 'ümlaut-key', ''])
      headers.push(form(key, 'n', now));
    for (const nonce of ['', 'a b', 'a:b', 'x'.repeat(129), 'tab\there', 'ü'])
      headers.push(form(h.keys.ours.key, nonce, now));
    for (const authorization of headers) {
      const answer = await h.send({ method: 'GET', path, headers: { authorization } });
      assert.equal(answer.status, 401, authorization);
      assert.match(answer.body.message, /malformed|missing/, authorization);
    }
  });

  it('refuses a known and an unknown key in the same words, and a revoked key at once', async (t) => {
    // The store runs the same statements for both, so that the time does not tell them apart.
    let statements: string[] = [];
    const h = await startHarness(t, { reconcile: false, onQuery: (sql) => statements.push(sql) });
    const said = [];
    for (const key of [h.keys.ours.key, 'nobodys-key']) {
      statements = [];
      said.push([
        (await h.send({ method: 'GET', path }, { key, secret: 'wrong' })).body.message,
        statements,
      ]);
    }
    assert.deepEqual(said[0], said[1]);
    assert.equal(statements.length, 1);
    const key = await h.makeKey(h.ours);
    assert.equal((await h.send({ method: 'GET', path }, key)).status, 200);
    await h.store.write('system', (work) => work.keys.revoke(key.key as never));
    assert.equal((await h.send({ method: 'GET', path }, key)).status, 401);
  });
});

describe('a key', () => {
  it('that sends too much is told how long to wait, and does not delay other keys', async (t) => {
    const h = await startHarness(t, { reconcile: false, requestsPerSecond: 2 });
    const statuses = [];
    for (let sent = 0; sent < 6; sent++) statuses.push((await h.call('softwareList')).status);
    assert.deepEqual(statuses.slice(0, 4), [200, 200, 200, 200]);
    const refused = await h.call('softwareList');
    assert.deepEqual(
      [refused.status, refused.body.client_code, refused.headers['retry-after']],
      [429, 429, '1'],
    );
    assert.match(refused.body.message, /more than 2 requests a second/);
    assert.equal((await h.call('softwareList', {}, h.keys.theirs)).status, 200);
    // A request with a wrong signature takes nothing from the key's bucket.
    const unsigned = await h.send({
      method: 'GET',
      path: `${pathPrefix}/software`,
      signature: '0'.repeat(64),
    });
    assert.equal(unsigned.status, 401);
  });
});
