// Judges whether a root can boot: it has a kernel and an initrd beside it, or a program in the
// first sector of its disk and no sign that its boot loader is for UEFI alone.

import { headBytes as volumeBytes, volumeIn } from '../../domain/disk-kind.ts';
import { exists } from '../../lib/files.ts';
import type { BootFault } from '../optional/boot-check.ts';
import type { RootBoot } from '../port/layers.ts';
import { firmwareOf, headBytes } from './boot-sector.ts';
import { growthFaultOf } from './growth.ts';
import { partitionsOf } from './partition.ts';
import type { Paths } from './paths.ts';
import { readingQcow2 } from './qcow2.ts';

const uefiAlone =
  'its disk boots by UEFI only (it has an EFI system partition and no boot loader for BIOS), and machines here have a BIOS; take the image of the same system that boots by BIOS too';

const faults = {
  bios: null,
  uefi: { says: uefiAlone, sure: true },
  doubtful: {
    says: 'its disk has an EFI system partition and no BIOS boot partition, so its boot loader may be for UEFI only, and machines here have a BIOS',
    sure: false,
  },
  none: {
    says: 'its disk has no boot loader for BIOS: its first sector holds no program',
    sure: true,
  },
} as const;

const bare = (volume: string): BootFault => ({
  says: `its disk holds ${volume} without a partition table and a boot loader, and starts only with the kernel and the initrd that belong to it; let the operator add it as a base with them: silversmith base add --kernel FILE --initrd FILE --append "root=/dev/vda …"`,
  sure: true,
});

/** Null where a machine's system can use the whole of a larger disk, as far as the table tells. */
export async function growthFault({ baseLayerId }: RootBoot, paths: Paths): Promise<string | null> {
  if (!(await exists(paths.layer(baseLayerId)))) return null;
  return readingQcow2(paths.layer(baseLayerId), async (read, diskBytes) =>
    growthFaultOf(await partitionsOf(read, diskBytes), volumeIn(await read(0, volumeBytes))),
  );
}

export async function bootFault(
  { boot, baseLayerId }: RootBoot,
  paths: Paths,
): Promise<BootFault | null> {
  const missing = (what: string) => ({
    says: `its ${what} is missing on the disk of the host`,
    sure: true,
  });
  if (!(await exists(paths.layer(baseLayerId)))) return missing('first layer');
  if (boot.mode === 'bios')
    return readingQcow2(paths.layer(baseLayerId), async (read) => {
      const firmware = firmwareOf(await read(0, headBytes));
      const volume = firmware === 'none' ? volumeIn(await read(0, volumeBytes)) : null;
      return volume === null || volume === 'partitions' ? faults[firmware] : bare(volume);
    });
  if (!(await exists(paths.kernel(baseLayerId)))) return missing('kernel');
  return (await exists(paths.initrd(baseLayerId))) ? null : missing('initrd');
}
