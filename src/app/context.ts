// The context of a request: who asks, and the part of the store that belongs to the caller's
// organisation. A request that only reads gets a `ReadContext`. A request that changes something
// gets a `ChangeContext`, and must tell it what it touches.

import type { KeyId, OrganisationId, TransferId } from '../domain/ids.ts';
import type { Signer } from '../lib/signing-key.ts';
import type { Touched, Work } from '../store/port.ts';

/** What a request may use of the store. Keys of callers and the engine are out of its reach. */
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

export interface ReadContext {
  organisationId: OrganisationId;
  /** The key that signed the request. */
  keyId: KeyId;
  work: OrganisationStore;
  /** The file that holds the bytes of a transfer. */
  transferPath(id: TransferId): string;
}

export interface ChangeContext extends ReadContext {
  /**
   * Records what the request touches, as soon as that is known to exist. The audit trail names
   * nothing else, and a change that touches nothing fails. Calls add up.
   */
  touched(what: Touched): void;
  /** For how long a replaced disk is kept, in ms. */
  keepDiskMs: number;
  /** The address at which callers reach the server, without a slash at its end. */
  publicUrl: string;
  signer: Signer;
}
