// The parts of the engine's connection that all its verbs use, and the marks by which its own
// objects are known. An object without the mark of this installation is never changed or removed.

import type { DiskId, LayerId } from '../../domain/ids.ts';
import type { IncusClient } from './client.ts';
import type { Operations } from './operation.ts';

export interface Incus {
  client: IncusClient;
  operations: Operations;
  /** The id of the installation, with which everything is marked. */
  installation: string;
  /** The storage pool of the disks. */
  pool: string;
  /** The profile that gives machines their network cards; null: they have none. */
  profile: string | null;
}

/** Keys of the configuration of instances and of the project. */
export const marks = {
  installation: 'user.silversmith.installation',
  /** `yes` when an instance was made to its end. */
  made: 'user.silversmith.made',
  /** The machine that was started last on a disk, and its name. */
  machine: 'user.silversmith.machine',
  name: 'user.silversmith.name',
  /** `wanted` or `own`: whether the guest has an identity of its own. */
  identity: 'user.silversmith.identity',
  /** `ready` or `copy` when the guest is up; empty after a start. */
  guest: 'user.silversmith.guest',
  /** The newest claim of a job under which the object was changed. */
  token: 'user.silversmith.token',
};

/** The same for properties of images, which have names of their own. */
export const imageMarks = {
  installation: 'silversmith.installation',
  layer: 'silversmith.layer',
  token: 'silversmith.token',
};

export const diskName = (id: DiskId) => `sm-${id}`;
export const buildName = (id: LayerId) => `sm-build-${id}`;
export const layerAlias = (id: LayerId) => `layer-${id}`;
export const fileAlias = (sha256: string) => `file-${sha256}`;

/** The id in a name; null when the name has another form. */
export const idIn = <Id extends string>(name: string, prefix: string): Id | null =>
  name.startsWith(prefix) ? (name.slice(prefix.length) as Id) : null;
