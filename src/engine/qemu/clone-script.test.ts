// Checks the scripts of instant starts without a guest, and what is told of their failures.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { faultOf } from './clone-answer.ts';
import { ownOrder, settleScript } from './clone-script.ts';

const identity = { instance: 'a1b2', machineId: '0'.repeat(32), hostName: 'studio-1' };

describe('the scripts of an instant start', () => {
  it('are understood by a plain shell', () => {
    execFileSync('sh', ['-n'], { input: settleScript });
  });

  it('order a new identity in one line, which begins with the time and the random digits', () => {
    const hardware = { mac: '02:00:00:00:00:01', uuid: '0-1' };
    assert.equal(
      ownOrder({ identity, hardware, random: 'ab', seconds: 1.5 }),
      `1.5 ab own a1b2 ${'0'.repeat(32)} studio-1 0-1`,
    );
  });

  it('name the hook that failed, with its last words and no control characters', () => {
    const ended = { exitCode: 73, stdout: '10-licence 7\nno licence\x1b[31m left\n' };
    assert.equal(
      faultOf(ended),
      'the hook 10-licence of its image failed (7): no licence[31m left',
    );
    assert.match(
      String(faultOf({ exitCode: 73, stdout: 'slow 124\n' })),
      /did not end within 30 s$/,
    );
    assert.ok(String(faultOf({ exitCode: 73, stdout: 'x'.repeat(10_000) })).length < 600);
    assert.equal(faultOf({ exitCode: 0, stdout: '' }), null);
    assert.match(String(faultOf({ exitCode: 71, stdout: '' })), /random numbers/);
    assert.match(String(faultOf({ exitCode: 2, stdout: '' })), /exit status 2/);
    assert.match(String(faultOf({ exitCode: Number.NaN, stdout: '' })), /exit status/);
  });
});
