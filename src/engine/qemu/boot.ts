// Judges how a root boots, and whether it can here: by a kernel and an initrd beside it, or by a
// boot loader on its disk, which is for BIOS, for UEFI, or for both.

import { type BootProfile, isUefi, settled } from '../../domain/boot.ts';
import { headBytes as volumeBytes, volumeIn } from '../../domain/disk-kind.ts';
import { AppError, invalid } from '../../domain/error.ts';
import { exists } from '../../lib/files.ts';
import type { BootFault, SettleSpec } from '../optional/boot-check.ts';
import type { RootBoot } from '../port/layers.ts';
import { firmwareOf, headBytes } from './boot-sector.ts';
import { type EfiPrograms, efiProgramsOn } from './efi-partition.ts';
import { hardwareFault } from './firmware.ts';
import { growthFaultOf } from './growth.ts';
import type { Host } from './host.ts';
import { partitionsOf } from './partition.ts';
import type { Paths } from './paths.ts';
import { readingQcow2 } from './qcow2.ts';

type Found = ReturnType<typeof firmwareOf>;

const biosFaults: Record<Found, BootFault | null> = {
  bios: null,
  uefi: {
    says: 'its disk boots by UEFI only (it has an EFI system partition and no boot loader for BIOS), and its boot profile says BIOS; remove it, and add it again without --firmware bios',
    sure: true,
  },
  doubtful: {
    says: 'its disk has an EFI system partition and no BIOS boot partition, so its boot loader may be for UEFI only, and its boot profile says BIOS',
    sure: false,
  },
  none: {
    says: 'its disk has no boot loader: its first sector holds no program, and it has no EFI system partition',
    sure: true,
  },
};

const loaderCure =
  'put one there (grub-install --removable, or on Debian dpkg-reconfigure grub-efi-amd64), and give the disk again';

/** Why a firmware without a list of boot loaders starts nothing; null when it starts something. */
function efiFault(programs: EfiPrograms): string | null {
  switch (programs.kind) {
    case 'usual':
      return null;
    case 'others':
      return `its EFI system partition has no \\EFI\\BOOT\\BOOTX64.EFI, which a fresh machine starts, but other programs, such as ${programs.path.replaceAll('/', '\\')}; ${loaderCure}`;
    case 'none':
      return `its EFI system partition has no boot loader (no program in \\EFI); ${loaderCure}`;
    case 'strange':
      return 'its EFI system partition holds no FAT file system, and a firmware reads no other';
    case 'no partition':
      return 'its disk has no EFI system partition, and its boot profile says UEFI';
  }
}

const bare = (volume: string): BootFault => ({
  says: `its disk holds ${volume} without a partition table and a boot loader, and starts only with the kernel and the initrd that belong to it; let the operator add it as a base with them: silversmith base add --kernel FILE --initrd FILE --append "root=/dev/vda …"`,
  sure: true,
});

/**
 * Completes a boot profile. A disk whose boot loader may be for either firmware gets UEFI when it
 * has a GPT without a place for a BIOS loader, else BIOS.
 */
export async function settleBoot(
  { layerId, boot: given }: SettleSpec,
  paths: Paths,
  { boards }: Host,
): Promise<BootProfile> {
  const board = given.board ?? boards.newest;
  if (!boards.all.includes(board))
    throw invalid(
      `QEMU on this host has no board ${JSON.stringify(board.slice(0, 100))}; give one of: ${boards.all.join(', ')}`,
    );
  if (given.mode !== 'found') return settled(given, board);
  const isUefi = await readingQcow2(paths.layer(layerId), async (read, diskBytes) => {
    const found = firmwareOf(await read(0, headBytes));
    return (
      found === 'uefi' ||
      (found === 'doubtful' && efiFault(await efiProgramsOn(read, diskBytes)) === null)
    );
  });
  return settled(given, board, isUefi ? 'uefi' : 'bios');
}

/** Null where a machine's system can use the whole of a larger disk, as far as the table tells. */
export async function growthFault({ baseLayerId }: RootBoot, paths: Paths): Promise<string | null> {
  if (!(await exists(paths.layer(baseLayerId)))) return null;
  return readingQcow2(paths.layer(baseLayerId), async (read, diskBytes) =>
    growthFaultOf(await partitionsOf(read, diskBytes)),
  );
}

export async function bootFault(
  { boot, baseLayerId }: RootBoot,
  paths: Paths,
  host: Host,
): Promise<BootFault | null> {
  const missing = (what: string) => ({
    says: `its ${what} is missing on the disk of the host`,
    sure: true,
  });
  if (!(await exists(paths.layer(baseLayerId)))) return missing('first layer');
  const lacking = await hardwareFault(boot, host);
  if (lacking !== null) return { says: lacking, sure: true };
  /** Whether fresh disks begin with a list of boot loaders that came with the root. */
  const hasVariables = async () =>
    boot.stateCopy !== 'none' && (await exists(paths.layerState(baseLayerId).variables));
  if (boot.mode !== 'direct')
    return readingQcow2(paths.layer(baseLayerId), async (read, diskBytes) => {
      const found = firmwareOf(await read(0, headBytes));
      const volume = found === 'none' ? volumeIn(await read(0, volumeBytes)) : null;
      if (volume !== null && volume !== 'partitions') return bare(volume);
      if (!isUefi(boot)) return biosFaults[found];
      const programs = await efiProgramsOn(read, diskBytes).catch((error: unknown) => {
        if (error instanceof AppError && error.code === 'invalid') return error;
        throw error;
      });
      if (programs instanceof AppError) return { says: `of this: ${programs.message}`, sure: true };
      if (programs.kind === 'others' && (await hasVariables())) return null;
      const says = efiFault(programs);
      return says === null ? null : { says, sure: true };
    });
  if (!(await exists(paths.kernel(baseLayerId)))) return missing('kernel');
  return (await exists(paths.initrd(baseLayerId))) ? null : missing('initrd');
}
