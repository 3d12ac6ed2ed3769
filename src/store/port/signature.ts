// Signatures of requests. Each may be used once, so that a recorded request cannot be sent again.

import type { KeyId } from '../../domain/ids.ts';

export interface SignatureWriter {
  /**
   * Uses a signature, and keeps it until it is pruned. False when the key has used it before. A
   * kept empty signature stands for all of the key's signatures that expire at or before its time.
   */
  use(keyId: KeyId, signature: string, expiresAt: number): Promise<boolean>;
  /** Forgets the signatures that expired before a time, after which they could be used again. */
  prune(before: number): Promise<void>;
}

/**
 * `used`: the signature was used before. `early`: the request was signed before the store began to
 * remember signatures, so it may be a replay. `fast`: the key sends more requests than it may; it
 * has to wait.
 */
export type SignatureUse = { is: 'new' | 'used' | 'early' } | { is: 'fast'; waitMs: number };

export interface SignedRequest {
  keyId: KeyId;
  signature: string;
  signedAt: number;
  /** From when on the request is refused as too old. */
  expiresAt: number;
}

export interface SharedSignatures {
  /**
   * Whether this server knows that the signature was used. It may be false for one that another
   * server has seen.
   */
  has(signature: string): boolean;
  /**
   * Uses up a signature for all servers, and counts the request against the rate of its key, when
   * there is a limit.
   */
  use(request: SignedRequest): Promise<SignatureUse>;
  /** Remembers the signature of a request that this server refused, as soon as it can. */
  refuse(request: SignedRequest): void;
}
