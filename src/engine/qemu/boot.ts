// Judges how a root boots, and whether it can here: by a kernel and an initrd beside it, or by a boot
// loader on its disk, which is for BIOS, for UEFI, or for both.

import { type BootProfile, isUefi, settled } from '../../domain/boot.ts';
import { headBytes as volumeBytes, volumeIn } from '../../domain/disk-kind.ts';
import { invalid } from '../../domain/error.ts';
import { exists } from '../../lib/files.ts';
import type { BootFault, SettleSpec } from '../optional/boot-check.ts';
import type { RootBoot } from '../port/layers.ts';
import { firmwareOf, headBytes } from './boot-sector.ts';
import { hardwareFault } from './firmware.ts';
import { growthFaultOf } from './growth.ts';
import type { Host } from './host.ts';
import { partitionsOf } from './partition.ts';
import type { Paths } from './paths.ts';
import { readingQcow2 } from './qcow2.ts';

type Found = ReturnType<typeof firmwareOf>;

const faults: Record<'bios' | 'uefi', Record<Found, BootFault | null>> = {
  bios: {
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
  },
  uefi: {
    // A disk for both has an EFI system partition too, which is not looked for here.
    bios: null,
    uefi: null,
    doubtful: null,
    none: {
      says: 'its disk has no EFI system partition, and its boot profile says UEFI',
      sure: true,
    },
  },
};

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
  const found = await readingQcow2(paths.layer(layerId), async (read) =>
    firmwareOf(await read(0, headBytes)),
  );
  return settled(given, board, found === 'uefi' || found === 'doubtful' ? 'uefi' : 'bios');
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
  if (boot.mode !== 'direct')
    return readingQcow2(paths.layer(baseLayerId), async (read) => {
      const found = firmwareOf(await read(0, headBytes));
      const volume = found === 'none' ? volumeIn(await read(0, volumeBytes)) : null;
      const fault = faults[isUefi(boot) ? 'uefi' : 'bios'][found];
      return volume === null || volume === 'partitions' ? fault : bare(volume);
    });
  if (!(await exists(paths.kernel(baseLayerId)))) return missing('kernel');
  return (await exists(paths.initrd(baseLayerId))) ? null : missing('initrd');
}
