// Layers at an engine: a disk from outside becomes a base layer; a layer is removed.
//
// `../optional/transfer.ts` has whole images on their way out and in, `../optional/compact.ts` the
// shortening of chains, `../optional/verify.ts` the digests.

import type { BootProfile } from '../../domain/boot.ts';
import type { LayerId } from '../../domain/ids.ts';
import type { Content } from '../../lib/content.ts';
import type { Call } from './call.ts';

export interface BaseFiles {
  /**
   * A qcow2 or raw disk. It is not trusted: a disk that could lead a tool to another file is
   * refused before any tool opens it.
   */
  disk: Content;
  /** For a disk that boots with a kernel and an initrd that are not on it. */
  kernel?: Content;
  initrd?: Content;
}

export interface BaseSpec extends BaseFiles {
  layerId: LayerId;
}

export interface ImportedBase {
  /** Digest of the disk's content as given, `sha256:…`: the key of its layer. */
  digest: string;
  virtualBytes: number;
  storedBytes: number;
}

export interface RootBoot {
  boot: BootProfile;
  /** The root at the end of the chain, beside which kernel and initrd are kept. */
  baseLayerId: LayerId;
}

export interface ChainBoot extends RootBoot {
  /**
   * All layers below, top first, as the store knows them. A process sees these layers and no
   * others, whatever the header of a file says.
   */
  chain: readonly LayerId[];
}

export interface Layers {
  /**
   * Copies a disk from outside in as a base layer. Idempotent: the same call replaces what it made
   * before. Throws `invalid` for what is not a plain disk; throws `unavailable`, before anything is
   * copied, when the host has no room for it. After a failure no layer of that id is there, but a
   * kernel or an initrd may be, which `removeLayer` takes away.
   */
  importBase(spec: BaseSpec, call: Call): Promise<ImportedBase>;
  /**
   * Removes a layer, the files beside it, and the remains of its build. Idempotent. After a failure
   * a part may be left; the same call removes it.
   */
  removeLayer(layerId: LayerId, call: Call): Promise<void>;
}
