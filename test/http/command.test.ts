// The Idempotency-Key of a change: one effect, however often the request is sent.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startHarness } from './harness.ts';

const install = (body: object, idempotencyKey: string) => ({
  method: 'POST',
  path: '/organization-management/v1/images/install',
  body: JSON.stringify(body),
  headers: { 'idempotency-key': idempotencyKey },
});

describe('an Idempotency-Key', () => {
  it('gives the first answer again, with one effect, even when the requests arrive at once', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const answers = await Promise.all(
      [1, 2, 3, 4, 5].map(() => h.send(install({ name: 'Once' }, 'k1'))),
    );
    for (const { status, body } of answers)
      assert.deepEqual([status, body], [200, answers[0]?.body]);
    assert.equal(
      answers.filter(({ headers }) => headers['idempotent-replayed'] === 'true').length,
      4,
    );
    assert.equal((await h.call('imageList')).body.count, 1);
    const id = answers[0]?.body.id;
    const remove = {
      method: 'DELETE',
      path: `/organization-management/v1/images/${id}`,
      headers: { 'idempotency-key': 'k2' },
    };
    for (const _ of [1, 2]) assert.equal((await h.send(remove)).status, 200);
  });

  it('is refused for another body, and can be used by another key and after a refusal', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    await h.send(install({ name: 'One' }, 'k'));
    const other = await h.send(install({ name: 'Two' }, 'k'));
    assert.deepEqual([other.status, other.body.client_code], [409, 409]);
    assert.equal((await h.send(install({ name: 'Two' }, 'k'), h.keys.theirs)).status, 200);
    assert.equal((await h.send(install({ base_image_id: 77 }, 'r'))).status, 404);
    assert.equal((await h.send(install({ name: 'Three' }, 'r'))).status, 200);
    for (const wrong of ['x'.repeat(129), 'a b'])
      assert.equal((await h.send(install({}, wrong))).status, 400, wrong);
  });
});
