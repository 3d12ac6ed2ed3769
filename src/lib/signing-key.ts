// Signs texts with ed25519, under a key of this installation, and tells whose signatures are trusted: its own, and those of keys that the
// operator has named.

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { exists, writeFirst } from './files.ts';

export interface Signer {
  /** base64. */
  sign(text: string): string;
  /** Whether a trusted key made the signature. */
  trusts(text: string, signature: string): boolean;
}

const publicFrom = (text: string): KeyObject =>
  createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' });

/** Reads the key from a file, or makes one; `trustedPath` names other public keys, one a line, and need not be there. */
export async function signingKeyFile(path: string, trustedPath: string): Promise<Signer> {
  if (!(await exists(path))) {
    const { privateKey } = generateKeyPairSync('ed25519');
    await writeFirst(path, privateKey.export({ format: 'pem', type: 'pkcs8' }), 0o600);
  }
  const key = createPrivateKey(await readFile(path, 'utf8'));
  const publicKey = createPublicKey(key);
  const lines = (await exists(trustedPath)) ? (await readFile(trustedPath, 'utf8')).split('\n') : [];
  const trusted = [
    publicKey,
    ...lines
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .map(publicFrom),
  ];
  return {
    sign: (text) => sign(null, Buffer.from(text), key).toString('base64'),
    trusts: (text, signature) =>
      trusted.some((one) => verify(null, Buffer.from(text), one, Buffer.from(signature, 'base64'))),
  };
}
