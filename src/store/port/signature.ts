// Signatures of requests. Each may be used once, so that a recorded request cannot be sent again.

import type { KeyId } from '../../domain/ids.ts';
import type { SignatureUse, SignedRequest } from '../../domain/signature.ts';

export interface SignatureWriter {
  /**
   * Uses a signature, and keeps it until it is pruned. False when the key has used it before. A
   * kept empty signature stands for all of the key's signatures that expire at or before its time.
   */
  use(keyId: KeyId, signature: string, expiresAt: number): Promise<boolean>;
  /** Forgets the signatures that expired before a time, after which they could be used again. */
  prune(before: number): Promise<void>;
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
