// Keys of operators, which belong to no organisation; the scope does not matter here.

import type { KeyId } from '../../domain/ids.ts';
import type { OperatorKey } from '../../domain/operator-key.ts';

export interface OperatorKeyReader {
  /** Undefined when there is none; revoked and expired keys are found. */
  find(id: string): Promise<OperatorKey | undefined>;
  /** Like `find`, in a time that does not tell whether there is such a key. */
  claimed(id: string): Promise<OperatorKey | undefined>;
  /** All keys, oldest first, also revoked ones. */
  list(): Promise<OperatorKey[]>;
  /** In order of id, at most `limit`: those after an id, or the first ones. */
  page(after: string | null, limit: number): Promise<OperatorKey[]>;
}

export interface OperatorKeyWriter extends OperatorKeyReader {
  add(key: Omit<OperatorKey, 'createdAt' | 'revokedAt' | 'lastUsedAt'>): Promise<void>;
  /** Notes that the key is used now. */
  used(id: KeyId): Promise<void>;
  /** Sets the time from which the key is refused. */
  expire(id: KeyId, expiresAt: number): Promise<void>;
  /** Replaces the encrypted secret: for a new master key. */
  reseal(id: KeyId, secretSealed: string, masterKeyId: string): Promise<void>;
  /** Idempotent: the first time stays. Throws not-found. */
  revoke(id: KeyId): Promise<void>;
}
