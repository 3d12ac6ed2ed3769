// Known answers for signing. The signatures of this project, and those of a shell script that uses
// openssl, must both equal the recorded signatures.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type SignedParts, signedHead } from '../../src/contract/signing.ts';

type Known = SignedParts & { what: string; secret: string; body: string; signature: string };
const answers = JSON.parse(
  readFileSync(new URL('known-answers.json', import.meta.url), 'utf8'),
) as Known[];
const script = new URL('sign.sh', import.meta.url).pathname;

describe('signing', () => {
  for (const { what, secret, body, signature, ...parts } of answers) {
    it(`is the known answer for ${what}`, () => {
      const ours = createHmac('sha256', secret)
        .update(signedHead(parts))
        .update(body)
        .digest('hex');
      assert.equal(ours, signature);
      const { key, method, path, timestamp, nonce } = parts;
      const shell = execFileSync('bash', [
        script,
        key,
        secret,
        method,
        path,
        timestamp,
        nonce,
        body,
      ]);
      assert.equal(shell.toString().trim(), signature);
    });
  }
});
