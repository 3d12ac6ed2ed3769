// Secrets are found by their form, and what is none stays.

import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { redact, redactText } from './redact.ts';

const secret = randomBytes(32).toString('base64url');
const digest = randomBytes(32).toString('hex');
const header = `HMAC key-1:${digest}:${randomUUID()}:1790000000000`;

describe('what is written down', () => {
  const holding: Record<string, readonly [text: string, part: string]> = {
    'the secret of a key': [`the secret ${secret} is wrong`, secret],
    'a secret in JSON': [JSON.stringify({ a: secret }), secret],
    'the header of a signed request': [`sent ${header}`, digest],
    'a header without its name': [header.slice('HMAC '.length), digest],
    'a bearer': [`authorization: Bearer ${secret}.more`, secret],
    'a link to a screen': [`GET http://host/access/${secret}?a=1`, secret],
    'a short link': ['GET /access/abc', 'abc'],
    'the password of a database': ['cannot reach postgres://me:pa%40ss@db/name', 'pa%40ss'],
    'such a password with a slash': ['no such host: postgres://me:pa/ss@db/name', 'pa/ss'],
    'such a password that begins like a port': ['postgresql://me:5432/s@db/name', '5432/s'],
    'such a password with an @': ['postgres://me:p@ss@db.example:5432/name', 'p@ss'],
    'such a password with spaces': ["postgres://me:correct horse's@db/name is wrong", 'horse'],
    'the password of a proxy with a slash': ['https://me:pa/ss@proxy:8080/', 'pa/ss'],
    'the secret of a webhook': ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'MfKQ9r8G'],
    'a named value': ['password="hunter2" for me', 'hunter2'],
    'a named value in JSON within JSON': ['{\\"secret\\":\\"hunter2\\"}', 'hunter2'],
    'a value of several words': ['{"password":"correct horse battery"}', 'battery'],
    'a value with quotes in it': [JSON.stringify({ secret: 'abc"defghi' }), 'defghi'],
    'such a value in JSON within JSON': [
      JSON.stringify(JSON.stringify({ token: 'abc"def ghi' })),
      'ghi',
    ],
    'a value whose end was cut off': ["passphrase='correct horse", 'horse'],
    'a short header': ['authorization: Basic dTpwYXNz', 'dTpwYXNz'],
    'a cookie': ['Set-Cookie: sid=abcdefgh', 'abcdefgh'],
    'an encoded value': ['GET /x?q=secret%3Dhunter2', 'hunter2'],
    'encoded JSON': [encodeURIComponent('{"secret":"hunter two"}'), 'two'],
    'an address in an address': [
      encodeURIComponent(encodeURIComponent('postgres://u:hunter2@db/x?password=hunter2')),
      'hunter2',
    ],
    'an encoded header': [encodeURIComponent(header), digest],
    'an encoded link': [encodeURIComponent(`https://h/access/${secret}`), secret],
    'a private key': ['-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n', 'MHcCAQ'],
  };
  for (const [what, [text, part]] of Object.entries(holding))
    it(`has no part of ${what}`, () => {
      const safe = redactText(text);
      assert.ok(!safe.includes(part), safe);
      assert.match(safe, /\[redacted\]/);
    });

  it('keeps digests, ids, paths and sentences as they are', () => {
    for (const text of [
      digest,
      randomUUID(),
      `/var/lib/silversmith/engine/layers/${randomUUID()}.qcow2`,
      'The token is older than the last one: job 4, attempt 2.',
      'postgres://me@db.example:5432/silversmith',
      'Use basic words.',
      'http://db.example:8080/images/a@b is not there',
      'GET /x?q=100%25%20done&name=caf%C3%A9',
    ])
      assert.equal(redactText(text), text);
  });

  it('has none of the given secrets, wherever they stand', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        const safe = JSON.stringify(
          redact({ [before]: [`${before}pass word${after}`] }, ['pass word']),
        );
        assert.ok(!safe.includes('pass word'));
      }),
    );
  });

  it('has no value of a field that is named like a secret', () => {
    const fields = {
      client_secret: 'a1',
      api_key: 'a1',
      dbPassword: 'a1',
      'Set-Cookie': ['a1'],
    };
    assert.ok(!JSON.stringify(redact({ cause: fields })).includes('a1'));
    assert.deepEqual(redact({ key: 'k1', attempt: 2 }), { key: 'k1', attempt: 2 });
  });

  it('has an end, however long or deep it was', () => {
    assert.ok(redactText('a'.repeat(1e6)).length < 20_000);
    const cut = redactText(`${'a '.repeat(8182)}${secret} ${'a '.repeat(100)}`);
    assert.ok(!cut.includes(secret.slice(0, 10)), cut.slice(-100));
    let deep: unknown = 'end';
    for (let level = 0; level < 50; level++) deep = { deep };
    assert.ok(!JSON.stringify(redact(deep)).includes('end'));
  });
});
