// A load of a few seconds. It shows what must hold under any load: no error, no caller held up by
// another, and no more machines starting than the limit. npm run bench prints the figures.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { defer, temporaryFolder, waitFor } from '../support.ts';
import { quantile } from './figures.ts';
import { runFleet } from './fleet.ts';
import { holdUp } from './hold-up.ts';
import { underLoad } from './load.ts';
import { runMix } from './mix.ts';

describe('a server under load', () => {
  it('answers 64 connections without an error beside idle ones, and closes those', async (t) => {
    const on = await underLoad(join(await temporaryFolder(t), 'data'), 64);
    defer(t, () => on.close());
    const before = await on.descriptors();
    defer(t, await holdUp(on, 20));
    await waitFor('they are connected', async () => (await on.descriptors()) >= before + 60);
    const { reads, writes, errors } = await runMix(on, 64, 5);
    t.diagnostic(
      `${reads.length} reads, ${writes.length} writes; p99 of reads ${quantile(reads, 0.99).toFixed(0)} ms`,
    );
    assert.deepEqual(errors.slice(0, 5), []);
    assert.ok(reads.length > 10 && writes.length > 5);
    on.hangUp();
    const left = async () => (await on.descriptors()) - before;
    // A connection that does not read its answers is closed only after a minute.
    await waitFor(
      'the connections that send nothing, or too little, are closed',
      async () => (await left()) <= 22,
      120_000,
      100,
    );
  });

  it('starts a fleet no faster than its limit, and answers meanwhile', async (t) => {
    const on = await underLoad(join(await temporaryFolder(t), 'data'), 64, '--starts-at-once', '3');
    defer(t, () => on.close());
    const { errors, startingMost } = await runFleet(on, 100);
    assert.deepEqual(errors, []);
    assert.ok(startingMost > 0 && startingMost <= 3, String(startingMost));
  });
});
