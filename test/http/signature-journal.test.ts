// The journal of signatures, which outlives the server.

import assert from 'node:assert/strict';
import { appendFile, readdir, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { SignatureJournal } from '../../src/http/signature-journal.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { fill, smallDisk } from '../small-disk.ts';
import { defer, leftOutWithoutRoot, movableClock, temporaryFolder } from '../support.ts';

/** Whether the signature is new; it was signed a moment ago. */
const use = async (
  journal: SignatureJournal,
  signature: string,
  signedAt = Number.MAX_SAFE_INTEGER,
) => (await journal.use({ signature, signedAt })).is === 'new';

describe('the journal of signatures', () => {
  it('forgets no signature early when the clock is set forward and back', async (t) => {
    const { clock, jump, advance } = movableClock();
    const journal = new SignatureJournal(await temporaryFolder(t), 600_000, clock, assert.ifError);
    defer(t, () => journal.close());
    assert.equal(await use(journal, 'one'), true);
    for (const ms of [7 * 24 * 3600_000, -7 * 24 * 3600_000]) {
      jump(ms);
      assert.equal(await use(journal, `after ${ms}`), true);
    }
    assert.equal(await use(journal, 'one'), false);
    for (const signature of ['two', 'three']) {
      advance(600_001);
      await use(journal, signature);
    }
    assert.equal(await use(journal, 'one'), true);
  });

  it('knows the used signatures after a restart, even behind a half-written line', async (t) => {
    const folder = await temporaryFolder(t);
    const open = () => new SignatureJournal(folder, 600_000, systemClock, assert.ifError);
    const first = open();
    assert.ok(await use(first, 'one'));
    first.close();
    await appendFile(`${folder}/signatures.0`, '\ntor');
    const second = open();
    assert.ok(await use(second, 'two'));
    second.close();
    const third = open();
    assert.deepEqual([await use(third, 'one'), await use(third, 'two')], [false, false]);
    third.close();
  });

  it('does not cover the time before it began, and removes the nonces of an older version', async (t) => {
    const { clock, advance } = movableClock();
    const folder = await temporaryFolder(t);
    await writeFile(`${folder}/nonces.0`, '1\nkey:nonce');
    const open = () => new SignatureJournal(folder, 600_000, clock, assert.ifError);
    const first = open();
    assert.ok(first.coversMs < 1000);
    first.close();
    assert.deepEqual(await readdir(folder), ['signatures.0']);
    advance(300_000);
    const second = open();
    defer(t, () => second.close());
    assert.ok(Math.abs(second.coversMs - 300_000) < 1000);
    const signedAt = clock.now() - 302_000;
    assert.equal((await second.use({ signature: 'early', signedAt })).is, 'early');
    advance(301_000);
    assert.equal(second.coversMs, Number.POSITIVE_INFINITY);
    await use(second, 'one');
    assert.equal(second.coversMs, Number.POSITIVE_INFINITY);
  });

  it('continues in memory, and reports it, when its file cannot be written', async (t) => {
    const folder = await temporaryFolder(t);
    let failures = 0;
    let now = 1_000_000;
    const journal = new SignatureJournal(
      folder,
      600_000,
      { now: () => now, monotonic: () => now },
      () => failures++,
    );
    journal.close();
    assert.deepEqual([await use(journal, 'one'), await use(journal, 'one')], [true, false]);
    assert.equal(failures, 1);
    now += 700_000;
    assert.deepEqual([await use(journal, 'two'), await use(journal, 'one')], [true, false]);
  });

  const skip = leftOutWithoutRoot;
  it('reports a write of which the disk took only a part', { skip }, async (t) => {
    const folder = await smallDisk(t, 1);
    let failures = 0;
    const journal = new SignatureJournal(folder, 600_000, systemClock, () => failures++);
    defer(t, () => journal.close());
    await fill(folder, 0);
    // Together they are longer than the page that the file has begun.
    const signatures = Array.from({ length: 100 }, (_, at) => String(at).padStart(64, '0'));
    await Promise.all(signatures.map((signature) => use(journal, signature)));
    assert.equal(failures, 1);
  });
});
