// Seals secrets under a master key, with AES-256-GCM. A ring of keys seals under its first key and
// opens under any, so that the master key can be changed while secrets are still sealed under the
// one before. The store keeps the key's id beside each secret.

import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { exists, writeFirst } from './files.ts';

export interface MasterKey {
  /** The id of the key that seals: 16 hexadecimal digits, derived from the key. */
  id: string;
  /** Returns base64. */
  seal(text: string): string;
  /** Throws when the key that sealed the text is not in the ring, or the text was changed. */
  open(sealed: string): string;
}

const ivBytes = 12;
const tagBytes = 16;

function masterKeyFrom(key: Buffer, ...older: Buffer[]): MasterKey {
  const ring = [key, ...older];
  if (ring.some((one) => one.length !== 32))
    throw new RangeError('a master key has 32 bytes, as 64 hexadecimal digits');
  return {
    id: createHash('sha256')
      .update('silversmith master key')
      .update(key)
      .digest('hex')
      .slice(0, 16),
    seal(text) {
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv('aes-256-gcm', key, iv);
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64');
    },
    open(sealed) {
      const bytes = Buffer.from(sealed, 'base64');
      let failure: unknown;
      for (const one of ring) {
        const decipher = createDecipheriv('aes-256-gcm', one, bytes.subarray(0, ivBytes));
        decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
        try {
          return Buffer.concat([
            decipher.update(bytes.subarray(ivBytes + tagBytes)),
            decipher.final(),
          ]).toString('utf8');
        } catch (error) {
          failure = error;
        }
      }
      throw failure;
    },
  };
}

/**
 * Parses a ring: keys of 64 hexadecimal digits, divided by newlines, spaces or commas. The first
 * key seals. Throws RangeError, which names the fault.
 */
export function parseMasterKey(text: string): MasterKey {
  const [first, ...older] = text
    .split(/[\s,]+/)
    .filter((line) => line !== '')
    .map((line, index) => {
      if (/^[\da-fA-F]{64}$/.test(line)) return Buffer.from(line, 'hex');
      const wrong =
        line.length === 64 ? 'has characters that are none' : `has ${line.length} characters`;
      throw new RangeError(
        `key ${index + 1} ${wrong}; a master key is 64 hexadecimal digits (openssl rand -hex 32).`,
      );
    });
  if (!first)
    throw new RangeError(
      'there is no key; a master key is 64 hexadecimal digits (openssl rand -hex 32).',
    );
  return masterKeyFrom(first, ...older);
}

export const newMasterKey = (): string => randomBytes(32).toString('hex');

/**
 * Reads the ring from a file. Makes the file, with a new key and mode 0600, when there is none.
 * Throws when other users may read the file, or when it holds no valid key.
 */
export async function masterKeyFile(path: string): Promise<MasterKey> {
  if (!(await exists(path))) await writeFirst(path, `${newMasterKey()}\n`, 0o600);
  if (((await stat(path)).mode & 0o077) !== 0)
    throw new Error(`Others may read ${path}; type: chmod 600 ${path}`);
  const text = await readFile(path, 'utf8');
  try {
    return parseMasterKey(text);
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message} Bring it back from where you keep it.`, {
      cause: error,
    });
  }
}
