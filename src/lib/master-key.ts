// Keeps secrets under a master key: AES-256-GCM, with the key's id stored beside, so that the key can be changed later.

import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { exists, writeWhole } from './files.ts';

export interface MasterKey {
  id: string;
  seal(text: string): string;
  /** Throws when the text was sealed under another key or changed since. */
  open(sealed: string): string;
}

const ivBytes = 12;
const tagBytes = 16;

export function masterKeyFrom(key: Buffer): MasterKey {
  if (key.length !== 32) throw new RangeError('a master key has 32 bytes');
  return {
    id: createHash('sha256').update('silversmith master key').update(key).digest('hex').slice(0, 16),
    seal(text) {
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv('aes-256-gcm', key, iv);
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64');
    },
    open(sealed) {
      const bytes = Buffer.from(sealed, 'base64');
      const cipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, ivBytes));
      cipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
      return Buffer.concat([cipher.update(bytes.subarray(ivBytes + tagBytes)), cipher.final()]).toString('utf8');
    },
  };
}

/** Reads the key from a file that only its owner may read, or makes one. Throws when others may read it. */
export async function masterKeyFile(path: string): Promise<MasterKey> {
  if (!(await exists(path))) await writeWhole(path, `${randomBytes(32).toString('hex')}\n`, 0o600);
  if (((await stat(path)).mode & 0o077) !== 0) throw new Error(`Others may read ${path}; type: chmod 600 ${path}`);
  return masterKeyFrom(Buffer.from((await readFile(path, 'utf8')).trim(), 'hex'));
}
