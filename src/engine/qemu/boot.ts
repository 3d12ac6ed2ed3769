// Whether a root can boot: a kernel and an initrd kept beside it, or a program in the first sector
// of its disk and no sign that its boot loader is for UEFI alone.

import { exists } from '../../lib/files.ts';
import type { BootFault } from '../optional/boot-check.ts';
import type { RootBoot } from '../port/layers.ts';
import { firmwareOf, headBytes } from './boot-sector.ts';
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
    return faults[
      firmwareOf(await readingQcow2(paths.layer(baseLayerId), (read) => read(0, headBytes)))
    ];
  if (!(await exists(paths.kernel(baseLayerId)))) return missing('kernel');
  return (await exists(paths.initrd(baseLayerId))) ? null : missing('initrd');
}
