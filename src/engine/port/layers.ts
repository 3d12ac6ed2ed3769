// Layers at an engine: taking disks in as layers, and removing them.

import type { LayerId } from '../../domain/ids.ts';
import type { Boot } from '../../domain/layer.ts';

export interface ImportedBase {
  /** Digest of the disk's content as given, `sha256:…`: the key of its layer. */
  digest: string;
  virtualBytes: number;
  storedBytes: number;
}

export interface BaseFiles {
  /**
   * A qcow2 or raw disk. It is not trusted: what could lead a tool to another file is refused
   * before any tool opens it.
   */
  disk: string;
  kernel?: string;
  initrd?: string;
}

export interface RootBoot {
  boot: Boot;
  /** The root at the end of the chain, beside which kernel and initrd are kept. */
  baseLayerId: LayerId;
}

export interface ChainBoot extends RootBoot {
  /**
   * All layers below, top first, as the store knows them: a process sees these and no others,
   * whatever the header of a file says.
   */
  chain: readonly LayerId[];
}

export interface Layers {
  importBase(layerId: LayerId, files: BaseFiles, signal?: AbortSignal): Promise<ImportedBase>;
  removeLayer(layerId: LayerId): Promise<void>;
}
