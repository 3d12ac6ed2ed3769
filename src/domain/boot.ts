// How a chain of layers boots: the boot profile of the root at its end.

import { gbBytes } from './units.ts';

export const displays = ['std', 'virtio'] as const;
export type Display = (typeof displays)[number];

/** The fields of a boot profile that override the defaults for its chains. */
interface BootNeeds {
  /** The least disk that its guests work on; default: the size of the root's own disk. */
  leastDiskBytes?: number;
  /** How long a machine may take to become ready; default: the server's setting. */
  readyMs?: number;
  /** The size of a build machine; default: that of the engine. */
  build?: { cpus: number; memoryMb: number };
  /**
   * The display of its machines; default: `std`, which needs no driver. `virtio` needs one in the
   * guest, and then follows the size that a viewer asks for.
   */
  display?: Display;
}

/**
 * `direct`: with the kernel and the initrd that are kept beside the root, and the kernel command
 * line `append`; with `buildAppend` added that initrd runs the user-data of the seed and powers
 * off. `bios`: with the boot loader on the disk.
 */
export type BootProfile = BootNeeds &
  ({ mode: 'direct'; append: string; buildAppend: string | null } | { mode: 'bios' });

/** The least disk, in GB, for a root whose own disk has so many bytes. */
export const leastDiskGb = ({ leastDiskBytes = 0 }: BootNeeds, virtualBytes: number): number =>
  Math.max(virtualBytes, leastDiskBytes) / gbBytes;
