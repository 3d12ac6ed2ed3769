// Output whose reader goes away, and output that cannot be written.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { describe, it } from 'node:test';
import { entry } from '../server-process.ts';
import { defer } from '../support.ts';

describe('output', () => {
  it('may lose its reader without an error, and fails the command when it cannot be written', async (t) => {
    const run = (out: number | 'pipe') =>
      new Promise<{ code: number | null; err: string }>((resolve) => {
        const child = spawn(process.execPath, [entry, 'openapi'], {
          env: { PATH: process.env.PATH },
          stdio: ['ignore', out, 'pipe'],
        });
        child.stdout?.destroy();
        let err = '';
        child.stderr?.on('data', (chunk) => {
          err += chunk;
        });
        child.on('close', (code) => resolve({ code, err }));
      });
    assert.deepEqual(await run('pipe'), { code: 0, err: '' });
    const full = openSync('/dev/full', 'w');
    defer(t, () => closeSync(full));
    const refused = await run(full);
    assert.deepEqual(
      [refused.code, /could not be written; look at/.test(refused.err)],
      [1, true],
      refused.err,
    );
  });
});
