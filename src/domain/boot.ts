// How a chain of layers boots: the boot profile of the root at its end, with the hardware that its
// guests see whatever the host's version of QEMU is.

import { invalid } from './error.ts';
import { gbBytes } from './units.ts';

/**
 * The shells in which a guest agent runs recipes: a system's own `/bin/sh`, or Windows PowerShell.
 */
export const agentShells = ['sh', 'powershell'] as const;
export type AgentShell = (typeof agentShells)[number];
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
  /**
   * Builds boot as machines do, and the guest agent runs their recipes in this shell; default: the
   * system reads the seed of a build and runs the recipe itself.
   */
  agentShell?: AgentShell;
}

/** Firmware that starts the boot loader on a disk; `uefi-secure` starts signed ones only. */
export const firmwares = ['bios', 'uefi', 'uefi-secure'] as const;
export type Firmware = (typeof firmwares)[number];

/**
 * The firmware state of an image that a fresh disk gets as a copy: none, the variables of UEFI, or
 * the state of the TPM too. The rest is new.
 */
export const stateCopies = ['none', 'variables', 'all'] as const;
export type StateCopy = (typeof stateCopies)[number];

interface BootHardware {
  /** Whether its guests have a TPM 2.0; absent: they have none. */
  tpm?: boolean;
  /** Absent: `variables`. */
  stateCopy?: StateCopy;
  /**
   * The versioned board that QEMU emulates, such as `pc-q35-7.2`. Absent: the newest that the host
   * has, as in earlier versions.
   */
  board?: string;
}

interface DirectBoot {
  mode: 'direct';
  append: string;
  buildAppend: string | null;
}

/**
 * `direct`: with the kernel and the initrd that are kept beside the root, and the kernel command
 * line `append`; with `buildAppend` added that initrd runs the user-data of the seed and powers
 * off. Otherwise with the boot loader on the disk, which the firmware of that name starts.
 */
export type BootProfile = BootNeeds & BootHardware & (DirectBoot | { mode: Firmware });

/** A boot profile as it is given: `found` leaves the firmware to what is on the disk. */
export type GivenBoot = BootNeeds & BootHardware & (DirectBoot | { mode: Firmware | 'found' });

/** The kernel command line of a direct boot for which none is given. */
export const usualAppend = 'console=ttyS0 root=/dev/vda rw';

/** What an operator says of how a base boots; what is left out is found, or usual. */
interface BootWish {
  firmware?: Firmware | undefined;
  tpm?: boolean | undefined;
  stateCopy?: StateCopy | undefined;
  board?: string | undefined;
  display?: Display | undefined;
  agentShell?: AgentShell | undefined;
  append?: string | undefined;
  buildAppend?: string | null | undefined;
}

/**
 * The profile that is asked for; `isDirect`: it has a kernel and an initrd. Throws `invalid` for a
 * firmware beside them, because a direct boot needs none.
 */
export function givenBoot(wish: BootWish, isDirect: boolean): GivenBoot {
  const {
    firmware,
    tpm,
    stateCopy,
    board,
    display,
    agentShell,
    append = usualAppend,
    buildAppend = null,
  } = wish;
  if (isDirect && firmware !== undefined)
    throw invalid('A direct boot uses no firmware; give a kernel and an initrd, or a firmware.');
  return {
    ...(isDirect ? { mode: 'direct', append, buildAppend } : { mode: firmware ?? 'found' }),
    ...(tpm && { tpm }),
    ...(stateCopy !== undefined && { stateCopy }),
    ...(board !== undefined && { board }),
    ...(display !== undefined && { display }),
    ...(agentShell !== undefined && { agentShell }),
  };
}

/** A given profile with a board; `found` is the firmware of a profile that leaves it open. */
export const settled = (
  given: GivenBoot,
  board?: string,
  found: Firmware = 'bios',
): BootProfile => {
  const more = board === undefined ? {} : { board };
  if (given.mode === 'direct') return { ...given, ...more };
  return { ...given, ...more, mode: given.mode === 'found' ? found : given.mode };
};

/** A sentence's part, such as `uefi, TPM 2.0, board pc-q35-7.2`. */
export const bootWords = ({ mode, tpm, board, stateCopy }: BootProfile): string =>
  [
    mode,
    ...(tpm ? ['TPM 2.0'] : []),
    ...(board === undefined ? [] : [`board ${board}`]),
    ...(stateCopy === undefined ? [] : [`copies ${stateCopy} of the state of its firmware`]),
  ].join(', ');

/** Whether its firmware keeps variables, such as its list of boot loaders. */
export const isUefi = ({ mode }: Pick<BootProfile, 'mode'>): boolean =>
  mode === 'uefi' || mode === 'uefi-secure';

/** The least disk, in GB, for a root whose own disk has so many bytes. */
export const leastDiskGb = ({ leastDiskBytes = 0 }: BootNeeds, virtualBytes: number): number =>
  Math.max(virtualBytes, leastDiskBytes) / gbBytes;
