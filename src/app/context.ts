// The context of a request: the caller, and a unit of work bound to the caller's organisation.

import type { Touched } from '../domain/audit.ts';
import type { KeyId, OrganisationId, TransferId } from '../domain/ids.ts';
import type { Signer } from '../lib/signing-key.ts';
import type { Reader, Writer } from '../store/port/unit-of-work.ts';

/** The nouns that a request may see: no keys, and nothing that belongs to the operator alone. */
type Noun =
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
  | 'now';

/** The store as a request that changes nothing sees it: bound to the caller's organisation. */
export type OrganisationReader = Pick<Reader, Noun>;
/** The same for a request that changes something: one transaction. */
export type OrganisationWriter = Pick<Writer, Noun>;

/** The context of a request that changes nothing. */
export interface ReadContext {
  organisationId: OrganisationId;
  /** The key that signed the request. */
  keyId: KeyId;
  work: OrganisationReader;
  /** How long a replaced disk is kept. */
  keepDiskMs: number;
  /** Where callers reach the server, without a slash at the end. */
  publicUrl: string;
  signer: Signer;
  /** Where the bytes of a transfer are. */
  transferPath(id: TransferId): string;
}

/** The context of a request that changes something. */
export interface RequestContext extends ReadContext {
  work: OrganisationWriter;
  /**
   * Says which things the request changes, once they are known to exist. The audit trail names
   * nothing else.
   */
  touched(what: Touched): void;
}
