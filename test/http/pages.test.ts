// The pages for people: the one at /, and the reference at /docs.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startHarness } from './harness.ts';

describe('the page at /', () => {
  it('describes the server and links the other pages, without script or style, and takes GET only', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const { statusCode, headers, body } = await h.service.app.inject({ method: 'GET', url: '/' });
    assert.equal(statusCode, 200);
    assert.match(String(headers['content-type']), /^text\/html/);
    assert.equal(headers['content-security-policy'], "default-src 'none';frame-ancestors 'none'");
    for (const path of ['/docs', '/openapi.json', '/healthz', '/readyz']) {
      assert.ok(body.includes(`href="${path}"`), path);
      assert.ok((await h.service.app.inject({ method: 'GET', url: path })).statusCode < 400, path);
    }
    assert.doesNotMatch(body, /<script|<style|style=|src=/);
    const posted = await h.send({ method: 'POST', path: '/' });
    assert.deepEqual([posted.status, posted.headers.allow], [405, 'GET, HEAD, OPTIONS']);
  });
});

describe('the reference', () => {
  it('is served at /docs with all its assets, under a policy that lets it load nothing from elsewhere', async (t) => {
    const { service } = await startHarness(t, { reconcile: false });
    const page = await service.app.inject({ url: '/docs/', method: 'GET' });
    assert.equal(page.statusCode, 200);
    const policy = String(page.headers['content-security-policy']);
    assert.match(policy, /default-src 'self'/);
    assert.doesNotMatch(policy, /https?:\/\/(?!validator)/);
    const assets = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(
      (match) => match[1] ?? '',
    );
    assert.ok(assets.length > 3);
    for (const asset of assets) {
      assert.doesNotMatch(asset, /^(https?:)?\/\//);
      assert.equal(
        (
          await service.app.inject({
            url: new URL(asset, 'http://a/docs/').pathname,
            method: 'GET',
          })
        ).statusCode,
        200,
        asset,
      );
    }
    const document = await service.app.inject({ url: '/docs/json', method: 'GET' });
    assert.equal(document.json().info.title, 'Silversmith');
  });
});
