// Answers that are kept, so that a request which is sent again with the same Idempotency-Key gets
// the same answer. They are kept by access key.

import type { KeyId } from '../../domain/ids.ts';

export interface KeptAnswer {
  /** Of the request that was answered: another request may not use the same Idempotency-Key. */
  requestDigest: string;
  /** The answer, encrypted with the master key. */
  answer: string;
}

export interface IdempotencyReader {
  /** Every kept answer, in no order. */
  list(): Promise<{ keyId: KeyId; idempotencyKey: string; answer: string }[]>;
  /**
   * The answer that was kept; undefined when there is none. An answer counts until it is pruned,
   * whatever its time: a clock that jumped must not make a repeated request a new one.
   */
  find(keyId: KeyId, idempotencyKey: string): Promise<KeptAnswer | undefined>;
}

export interface IdempotencyWriter extends IdempotencyReader {
  /** Keeps an answer. Throws `internal` when there is one under the same two keys. */
  keep(
    keyId: KeyId,
    idempotencyKey: string,
    requestDigest: string,
    answer: string,
    expiresAt: number,
  ): Promise<void>;
  /** Replaces the text of a kept answer: for a new master key, or when the answer is there. */
  reseal(keyId: KeyId, idempotencyKey: string, answer: string): Promise<void>;
  /** Forgets one, so that the request may be made anew. Idempotent. */
  forget(keyId: KeyId, idempotencyKey: string): Promise<void>;
  /** Forgets the answers that expired at or before a time. */
  prune(before: number): Promise<void>;
}
