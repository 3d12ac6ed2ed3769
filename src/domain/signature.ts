// Signatures of requests, each of which may be used once.

import type { KeyId } from './ids.ts';

export interface SignedRequest {
  keyId: KeyId;
  signature: string;
  /** ms since 1970, as are all times here. */
  signedAt: number;
  /** From when on the request is refused as too old. */
  expiresAt: number;
}

/**
 * `used`: the signature was used before. `early`: the request was signed before signatures were
 * remembered, so it may be a replay. `fast`: the key sends more requests than it may; it has to
 * wait.
 */
export type SignatureUse = { is: 'new' | 'used' | 'early' } | { is: 'fast'; waitMs: number };
