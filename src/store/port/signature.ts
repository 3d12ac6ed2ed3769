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
