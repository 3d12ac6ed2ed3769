// Layers as files that stand alone, out and in.

import type { LayerId } from '../../domain/ids.ts';
import type { ChainBoot } from '../port/layers.ts';

/** The kernel and the initrd that follow a disk in the file of an export. */
export interface Tail {
  kernelBytes: number;
  initrdBytes: number;
}

export interface Transfer {
  exportLayer(
    spec: ChainBoot & { layerId: LayerId; format: 'qcow2' | 'raw'; path: string; bytesMax: number },
    signal: AbortSignal,
  ): Promise<{ bytes: number; heldBytes: number; tail: Tail | null }>;
  importLayer(
    spec: {
      layerId: LayerId;
      path: string;
      parentId: LayerId | null;
      tail: Tail | null;
      bytesMax: number;
    },
    signal: AbortSignal,
  ): Promise<{ virtualBytes: number; storedBytes: number }>;
}
