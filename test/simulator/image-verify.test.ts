// The verdicts of silversmith image verify on exports, and that tools of others agree with them.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { appendFile, copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { dsse, crypto as sigstore } from '@sigstore/core';
import type { ImageId, TransferId } from '../../src/domain/ids.ts';
import { withProvenance } from '../../src/domain/provenance.ts';
import type { Manifest } from '../../src/domain/transfer.ts';
import { envelopeOf, openEnvelope, publicKeysOf } from '../../src/lib/envelope.ts';
import { sha256File } from '../../src/lib/files.ts';
import { signingKeyFile } from '../../src/lib/signing-key.ts';
import { type Scope, temporaryFolder } from '../support.ts';
import { silversmith } from './silversmith.ts';

const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });

/** An exported file beside its provenance, and the public key of the installation. */
async function exported(t: Scope) {
  const folder = await temporaryFolder(t);
  const [disk, privateKey, key] = ['Studio.qcow2', 'signing.key', 'public.pem'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  await writeFile(disk, 'a disk');
  const signer = await signingKeyFile(privateKey, join(folder, 'trusted.keys'));
  openssl('pkey', '-in', privateKey, '-pubout', '-out', key);
  const manifest = {
    ...{ version: 1, name: 'Studio', format: 'qcow2', bytes: 6, virtualBytes: 512 },
    ...{ sha256: await sha256File(disk), createdAt: '2026-01-01T00:00:00.000Z' },
    base: { name: 'Debian 12', key: `sha256:${'1'.repeat(64)}` },
    boot: { mode: 'bios' },
    head: { layerId: 'layer', key: null },
    software: [{ name: 'Git', recipeDigest: '2'.repeat(64) }],
  } as unknown as Manifest;
  const made = {
    imageId: 7 as ImageId,
    source: 'pre_installation',
    transferId: 't' as TransferId,
  } as const;
  const of = { file: 'Studio.qcow2', ...made, signerId: signer.id };
  const text = JSON.stringify(withProvenance(manifest, of));
  const envelope = envelopeOf(text, signer);
  await writeFile(`${disk}.intoto.jsonl`, `${envelope}\n`);
  return { folder, disk, key, privateKey, signer, envelope, text };
}

const verify = (...args: string[]) => silversmith('image', 'verify', ...args);

describe('image verify', () => {
  it('says what a file is whose digest and signature are right, and what its folder has', async (t) => {
    const { folder, disk, key, signer } = await exported(t);
    for (const path of [disk, `${disk}.intoto.jsonl`, folder]) {
      const { code, out } = await verify(path, '--key', key);
      assert.equal(code, 0, out);
      assert.match(out, /^Studio\.qcow2: verified\n/);
      assert.match(out, new RegExp(`signed by +${signer.id}`));
      assert.match(out, /image +Studio \(7, pre_installation\)\n +made of +Debian 12, Git\n/);
    }
    const { code, out } = await verify(disk, '--key', key, '--json');
    const [found] = JSON.parse(out);
    assert.deepEqual([code, found.verified, found.digest_matches], [0, true, true]);
    assert.equal(found.statement.predicateType, 'https://slsa.dev/provenance/v1');
  });

  it('refuses what is not signed by a given key, has another content, or is no envelope', async (t) => {
    const { folder, disk, key, envelope } = await exported(t);
    const other = await exported(t);
    const says = async (words: RegExp, ...args: string[]) => {
      const { code, out, err } = await verify(...args);
      assert.equal(code, 1, out + err);
      assert.match(out, words);
      assert.ok(!out.includes('Debian'), 'an unsigned statement is not shown');
    };
    await says(/not verified: its digest is right, and no key was given/, disk);
    await says(/not verified: none of the keys has signed/, disk, '--key', other.key);
    const bent = JSON.parse(envelope);
    const text = Buffer.from(bent.payload, 'base64').toString().replace('Studio', 'Studi0');
    const path = `${disk}.intoto.jsonl`;
    await writeFile(
      path,
      JSON.stringify({ ...bent, payload: Buffer.from(text).toString('base64') }),
    );
    await says(/none of the keys has signed/, disk, '--key', key);
    for (const [content, words] of [
      ['{', /cannot be used: it is not JSON/],
      ['{}', /it is no envelope of application\/vnd\.in-toto\+json/],
      [JSON.stringify({ ...bent, payload: 'e30=' }), /no statement of in-toto/],
      ['x'.repeat(2 ** 20 + 1), /is too large/],
    ] as const) {
      await writeFile(path, content);
      await says(words, disk, '--key', key);
    }
    await writeFile(path, envelope);
    await appendFile(disk, '!');
    await says(
      /the file has the digest [0-9a-f]{64}, and the statement is about/,
      disk,
      '--key',
      key,
    );
    await copyFile(disk, join(folder, 'lonely'));
    await says(/its provenance, .*lonely\.intoto\.jsonl, is missing/, join(folder, 'lonely'));
    const missing = await verify(join(folder, 'nothing'));
    assert.equal(missing.code, 3);
    const noKey = await verify(disk, '--key', disk);
    assert.equal(noKey.code, 2);
    assert.match(noKey.err, /gives no public key of ed25519/);
  });

  it('agrees with openssl and with the library of Sigstore about the signature', async (t) => {
    const { folder, key, privateKey, envelope, text } = await exported(t);
    const { payloadType, payload, signatures } = JSON.parse(envelope);
    const signed = dsse.preAuthEncoding(payloadType, Buffer.from(payload, 'base64'));
    assert.equal(String(signed), `DSSEv1 28 ${payloadType} ${Buffer.byteLength(text)} ${text}`);
    const signature = Buffer.from(signatures[0].sig, 'base64');
    const publicKey = createPublicKey(await readFile(key, 'utf8'));
    assert.ok(sigstore.verify(signed, publicKey, signature));
    const [message, file] = [join(folder, 'message'), join(folder, 'signature')];
    await writeFile(message, signed);
    await writeFile(file, signature);
    const inputs = ['-pubin', '-inkey', key, '-rawin', '-in', message, '-sigfile', file];
    assert.match(String(openssl('pkeyutl', '-verify', ...inputs)), /Verified Successfully/);
    // And what openssl signs is taken here.
    openssl('pkeyutl', '-sign', '-inkey', privateKey, '-rawin', '-in', message, '-out', file);
    const sig = (await readFile(file)).toString('base64');
    const theirs = JSON.stringify({ payloadType, payload, signatures: [{ sig }] });
    assert.equal(openEnvelope(theirs, publicKeysOf(await readFile(key, 'utf8'))).signedBy, 0);
  });
});
