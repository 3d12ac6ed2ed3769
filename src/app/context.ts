// The context of a request: the caller, and the part of the store that belongs to the caller's
// organisation. A request that only reads gets a `ReadContext`. A request that changes something
// gets a `ChangeContext`, and must name the things that it touches.

import type { Blobs } from '../blobs/port.ts';
import type { Touched } from '../domain/audit.ts';
import type { KeyId, OrganisationId } from '../domain/ids.ts';
import type { NewJob } from '../domain/job.ts';
import type { MachinePolicy } from '../domain/machine-life.ts';
import type { Forwarding } from '../domain/machine-network.ts';
import type { MasterKey } from '../lib/master-key.ts';
import type { Signer } from '../lib/signing-key.ts';
import type { Reader, Writer } from '../store/port/unit-of-work.ts';
import type { Views } from './view.ts';

/** The nouns that a request may use. It sees no rows that only operators see. */
type Noun =
  | 'images'
  | 'machines'
  | 'machineTypes'
  | 'forwards'
  | 'software'
  | 'bases'
  | 'jobs'
  | 'disks'
  | 'layers'
  | 'packageLists'
  | 'fileDifferences'
  | 'host'
  | 'audit'
  | 'access'
  | 'transfers'
  | 'keys'
  | 'usage'
  | 'account'
  | 'webhooks';

/** The parts of engines without which some requests cannot be carried out. */
type EnginePart = 'transfer' | 'packages' | 'instant' | 'vitals';

/** The store as a read sees it, bound to the caller's organisation. */
export type OrganisationReader = Pick<Reader, Noun | 'events'>;
/** The store as a change sees it: one transaction of the caller's organisation. */
export type OrganisationWriter = Pick<Writer, Noun | 'now'> & Pick<Reader, 'events'>;

export interface ReadContext {
  organisationId: OrganisationId;
  /** The key that signed the request. */
  keyId: KeyId;
  work: OrganisationReader;
  blobs: Blobs;
  /**
   * Throws `invalid` for the first bytes of an upload of `bytes` bytes that no image could be made
   * of. Passes where another server works the engine, which judges the whole file later.
   */
  assertTakes(head: Buffer, bytes: number): void;
  /**
   * Throws `invalid` for a part that the engine does not have, with what helps in its place. Passes
   * where another server works the engine.
   */
  assertEngineHas(part: EnginePart): void;
  /** The policy of machines that have none of their own. */
  machinePolicy: MachinePolicy;
  /** The screens and consoles of machines. What asks for one is not answered from memory. */
  views: Views;
  /** The time. What asks for it is not answered again from memory. */
  now(): number;
}

export interface ChangeContext extends ReadContext {
  work: OrganisationWriter;
  /**
   * Records the things that the request touches, once they are known to exist. The audit trail
   * names only these, and a change that touches nothing fails. Calls add up.
   */
  touched(what: Touched): void;
  /** Queues jobs, which keep the id of the request. Throws like `JobWriter.enqueue`. */
  enqueue(jobs: readonly NewJob[]): Promise<void>;
  /** For how long a replaced disk is kept, in ms. */
  keepDiskMs: number;
  /** Which ports of the host may lead to machines. */
  forwarding: Forwarding;
  /** The address at which callers reach the server, without a slash at its end. */
  publicUrl: string;
  signer: Signer;
  /** Seals the secret of a new key or webhook. */
  masterKey: Pick<MasterKey, 'id' | 'seal'>;
}
