// Signs texts with ed25519, under a key of this installation. Trusted are its own signatures, and
// those of the keys that the operator has listed.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { exists, writeFirst } from './files.ts';

export interface Signer {
  /** Names the key: 16 hexadecimal digits, derived from its public half. */
  id: string;
  /** Returns the signature as base64. */
  sign(text: string): string;
  /** Whether a trusted key made this signature (base64) of this text. */
  trusts(text: string, signature: string): boolean;
}

/** The id of a public key, as signers have it. */
export const keyIdOf = (key: KeyObject): string =>
  createHash('sha256')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest('hex')
    .slice(0, 16);

/** Reads public keys, one a line; none when there is no file. Throws with the line that is bad. */
async function publicKeysIn(path: string): Promise<KeyObject[]> {
  const lines = (await exists(path)) ? (await readFile(path, 'utf8')).split('\n') : [];
  return lines.flatMap((line, index) => {
    if (line.trim() === '') return [];
    try {
      const key = createPublicKey({
        key: Buffer.from(line.trim(), 'base64'),
        format: 'der',
        type: 'spki',
      });
      if (key.asymmetricKeyType === 'ed25519') return [key];
    } catch {
      // The error below is for this and for a key of another kind.
    }
    throw new Error(
      `${path}: line ${index + 1} is not a public key; there, type: openssl pkey -in signing.key -pubout -outform DER | base64 -w0`,
    );
  });
}

async function privateKeyIn(path: string): Promise<KeyObject> {
  const text = await readFile(path, 'utf8');
  try {
    const key = createPrivateKey(text);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // The error below is for this and for a key of another kind.
  }
  throw new Error(
    `${path} is not a private key that signs exports; bring it back from a backup, or move it aside for a new one to be made.`,
  );
}

/**
 * Reads the private key from a file, and makes the file, mode 0600, when there is none.
 * `trustedPath` is a file of other public keys, one a line; it may be missing. Throws with the file
 * that is wrong.
 */
export async function signingKeyFile(path: string, trustedPath: string): Promise<Signer> {
  if (!(await exists(path))) {
    const { privateKey } = generateKeyPairSync('ed25519');
    await writeFirst(path, privateKey.export({ format: 'pem', type: 'pkcs8' }), 0o600);
  }
  const key = await privateKeyIn(path);
  const publicKey = createPublicKey(key);
  const trusted = [publicKey, ...(await publicKeysIn(trustedPath))];
  return {
    id: keyIdOf(publicKey),
    sign: (text) => sign(null, Buffer.from(text), key).toString('base64'),
    trusts: (text, signature) =>
      trusted.some((one) => verify(null, Buffer.from(text), one, Buffer.from(signature, 'base64'))),
  };
}
