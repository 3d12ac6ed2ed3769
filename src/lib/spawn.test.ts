// Commands and what they leave behind.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runCommand, systemPath } from './spawn.ts';

describe('a command', () => {
  it('is over at its limit also when what it has started keeps its output open', async () => {
    const begun = performance.now();
    const text = await runCommand('sh', ['-c', 'setsid sleep 60 & echo printed'], {
      env: { PATH: systemPath },
      timeoutMs: 300,
    });
    assert.equal(text, 'printed\n');
    assert.ok(performance.now() - begun < 50_000);
  });
});
