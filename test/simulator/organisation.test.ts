// Organisations on the command line: their quotas, and how much of them is used.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startDemo } from './demo.ts';

describe('silversmith organisation', () => {
  it('shows the quotas of an organisation with their use, and changes them', async (t) => {
    const { run } = await startDemo(t);
    assert.match((await run('organisation', 'list')).out, /Demo +0 of 1000 +6 of 1000/);
    assert.match(
      (await run('organisation', 'quota', 'Demo', '--machines', '7')).out,
      /1000 +7 +20/,
    );
    assert.match(
      (await run('machine', 'create', '--type', '1', '--quantity', '2')).err,
      /6 machines, 2 more are asked for, and the most is 7/,
    );
    assert.match(
      (await run('organisation', 'quota', 'Nobody', '--images', '1')).err,
      /no organisation Nobody/,
    );
    assert.match(
      (await run('organisation', 'quota', 'Demo', '--images', '-1')).err,
      /whole number/,
    );
  });
});
