// Layers at an engine: a disk from outside becomes a base layer; a layer is removed.
//
// `../optional/transfer.ts` exports and imports whole images, `../optional/compact.ts` shortens
// chains, and `../optional/verify.ts` takes digests.

import type { BootProfile } from '../../domain/boot.ts';
import type { LayerId } from '../../domain/ids.ts';
import type { Content } from '../../lib/content.ts';
import type { Call } from './call.ts';
import type { Room } from './room.ts';

export interface BaseFiles {
  /** Where the call asks for the room of its files; absent: it is bounded by the disk alone. */
  room?: Room | undefined;
  /**
   * A disk in one of the formats of `domain/disk-kind.ts`, also compressed or in an archive. It is
   * not trusted: a disk that could lead a tool to another file is refused before any tool opens it.
   */
  disk: Content;
  /** The name of the disk in an archive that holds several. */
  wanted?: string | undefined;
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
   * Imports a disk from outside as a base layer. Idempotent: the same call replaces its earlier
   * result. Throws `invalid` for a file that is not a plain disk; throws `unavailable`, before it
   * copies, when the host has no room for it. After a failure no layer of that id exists, but a
   * kernel or an initrd may be left, which `removeLayer` removes.
   */
  importBase(spec: BaseSpec, call: Call): Promise<ImportedBase>;
  /**
   * Removes a layer, the files beside it, and the remains of its build. Idempotent. After a failure
   * a part may be left; the same call removes it.
   */
  removeLayer(layerId: LayerId, call: Call): Promise<void>;
}
