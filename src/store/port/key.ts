// Access keys. A request names its key before it is known to which organisation it belongs, so
// `claimed` is asked in the scope of the system. In the scope of an organisation there are only its
// own keys.

import type { KeyId } from '../../domain/ids.ts';
import type { AccessKey } from '../../domain/key.ts';

export interface KeyReader {
  /** Undefined when there is none; revoked and expired keys are found. */
  find(id: string): Promise<AccessKey | undefined>;
  /** Those of the keys that there are, in no order; any number of ids. */
  findMany(ids: readonly string[]): Promise<AccessKey[]>;
  /**
   * Like `find`, in a time that does not tell whether there is such a key: where there is none, the
   * row of another key is read.
   */
  claimed(id: string): Promise<AccessKey | undefined>;
  /** All keys, oldest first, also revoked ones. */
  list(): Promise<AccessKey[]>;
  /** In order of id, at most `limit`: those after an id, or the first ones. */
  page(after: string | null, limit: number): Promise<AccessKey[]>;
}

export interface KeyWriter extends KeyReader {
  add(key: Omit<AccessKey, 'createdAt' | 'revokedAt' | 'lastUsedAt'>): Promise<void>;
  /** Notes that the key is used now. */
  used(id: KeyId): Promise<void>;
  /** Sets the time from which the key is refused. */
  expire(id: KeyId, expiresAt: number): Promise<void>;
  /** Replaces the encrypted secret: for a new master key. */
  reseal(id: KeyId, secretSealed: string, masterKeyId: string): Promise<void>;
  /** Idempotent: the first time stays. Throws not-found. */
  revoke(id: KeyId): Promise<void>;
}
