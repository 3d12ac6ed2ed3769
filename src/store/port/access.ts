// Access links: each opens a machine's screen once. The store has a digest of the secret part only.

import type { AccessLink } from '../../domain/access.ts';
import type { MachineId } from '../../domain/ids.ts';

export interface AccessReader {
  /**
   * The link whose secret part has this digest, as long as it can be used: it was not used, its
   * time is not over, and the key that made it is neither revoked nor expired. Undefined otherwise.
   */
  find(tokenHash: string): Promise<AccessLink | undefined>;
  /**
   * The link that was used for the secret with this digest, while its time is not over and the key
   * that made it is in use. Undefined otherwise.
   */
  findUsed(sessionHash: string): Promise<AccessLink | undefined>;
}

export interface AccessWriter extends AccessReader {
  add(link: Omit<AccessLink, 'usedAt' | 'sessionHash' | 'createdAt'>): Promise<void>;
  /**
   * Marks a link as used, for the secret with this digest. False when it was used before, or does
   * not exist.
   */
  use(uid: string, sessionHash: string): Promise<boolean>;
  /** Forgets the links to a machine. */
  removeOf(machineId: MachineId): Promise<void>;
  /** Forgets the links that expired at or before a time. */
  prune(before: number): Promise<void>;
}
