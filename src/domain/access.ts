// An access link: a link that opens a machine's screen, once and for a limited time.

import type { KeyId, MachineId, OrganisationId } from './ids.ts';

export interface AccessLink {
  uid: string;
  /** Digest of the link's secret part, which is not kept itself. */
  tokenHash: string;
  organisationId: OrganisationId;
  machineId: MachineId;
  /** The key that made the link: the link is good only as long as the key is. */
  keyId: KeyId;
  expiresAt: number;
  /** When it was used; null while it can be used. */
  usedAt: number | null;
  /**
   * Digest of the secret that its holder got when it was used, with which the screen and the
   * console are opened until the link's time is over; null while it can be used.
   */
  sessionHash: string | null;
  createdAt: number;
}
