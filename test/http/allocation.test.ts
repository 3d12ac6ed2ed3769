// How many bytes reads allocate, beyond what the framework allocates for a request of which nothing
// is known. V8 counts them, and the count hardly differs between machines and runs, unlike times.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';

const probe = new URL('allocation-probe.ts', import.meta.url).pathname;

/** In KB, as measured; where a change made it smaller, write the new number down. */
const recorded = {
  'a page, after a change': 24,
  'an image, after a change': 13,
  'a page, kept': 17,
};
const marginFactor = 1.5;

describe('a read', () => {
  it('allocates hardly more than is written down here', { timeout: 300_000 }, async (t) => {
    const { stdout } = await promisify(execFile)(process.execPath, [probe]);
    const found: Record<string, number> = JSON.parse(stdout);
    for (const [what, kb] of Object.entries(recorded)) {
      const measured = (found[what] ?? Number.NaN) / 1000;
      t.diagnostic(`${what}: ${measured.toFixed(1)} KB`);
      assert.ok(measured <= kb * marginFactor, `${what}: ${measured} KB; it was ${kb} KB`);
    }
  });
});
