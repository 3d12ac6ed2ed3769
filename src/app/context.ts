// What every application function gets: who asks, and a unit of work bound to the asker's
// organisation.

import type { Touched } from '../domain/audit.ts';
import type { KeyId, OrganisationId, TransferId } from '../domain/ids.ts';
import type { Signer } from '../lib/signing-key.ts';
import type { Work } from '../store/port.ts';

/** The part of the store that a request may touch: never keys, never the engine. */
export type OrganisationStore = Pick<
  Work,
  | 'images'
  | 'machines'
  | 'machineTypes'
  | 'software'
  | 'bases'
  | 'jobs'
  | 'disks'
  | 'layers'
  | 'host'
  | 'audit'
  | 'access'
  | 'transfers'
  | 'usage'
  | 'now'
>;

export interface RequestContext {
  organisationId: OrganisationId;
  /** The key that asks. */
  keyId: KeyId;
  work: OrganisationStore;
  /**
   * Tells what the request changes, once it is known to be there. The audit trail names nothing
   * else.
   */
  touched(what: Touched): void;
  /** How long a replaced disk is kept. */
  keepDiskMs: number;
  /** Where callers reach the server, without a slash at the end. */
  publicUrl: string;
  signer: Signer;
  /** Where the bytes of a transfer are. */
  transferPath(id: TransferId): string;
}
