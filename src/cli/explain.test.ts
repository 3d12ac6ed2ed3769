// The sentences for thrown values: errors of the system, and defects.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { getSystemErrorMap } from 'node:util';
import { explain } from './explain.ts';
import type { Terminal } from './output.ts';

function said(error: unknown, env = {}, json = false): string {
  let text = '';
  const terminal: Terminal = {
    out() {},
    err(line) {
      text += `${line}\n`;
    },
    interactive: false,
    exitCode: 0,
  };
  assert.equal(explain(error, terminal, env, { json }), 1);
  return text;
}

describe('an explanation', () => {
  it('puts every error of the system into words, with the path', () => {
    for (const [errno, [code]] of getSystemErrorMap()) {
      const refusal = { code, errno, syscall: 'open', path: '/some/where' };
      const text = said(Object.assign(new Error(`${code}: whatever, open '/some/where'`), refusal));
      assert.match(text, /^error: \S.*\.\n$/, code);
      assert.ok(!text.includes(code) && !text.includes('defect'), text);
    }
    assert.match(
      said(Object.assign(new Error(), { code: 'ENOSPC', syscall: 'write' })),
      /disk that is full; free some/,
    );
  });

  it('shows no secret with the cause', () => {
    const cause = new Error('cannot reach postgres://me:hidden@db/name');
    const text = said(new TypeError('x', { cause }), { SILVERSMITH_DEBUG: '1' });
    assert.match(text, /postgres:\/\/me:\[redacted\]@db/);
    assert.ok(!text.includes('hidden'));
  });

  it('calls everything else a defect, and shows where it is when asked', () => {
    const defect = new TypeError('x is not a function', { cause: new Error('deeper') });
    assert.equal(
      said(defect),
      'error: x is not a function. This is a defect of Silversmith; set SILVERSMITH_DEBUG=1 to see where it is, and please report it.\n',
    );
    assert.match(
      said(defect, { SILVERSMITH_DEBUG: '1' }),
      /\n\s+at .*explain\.test\.ts.*cause: Error: deeper/s,
    );
    assert.match(said('a text'), /^error: a text\. This is a defect/);
    assert.match(said(undefined), /defect/);
  });
});
