// Whether a root can boot: a kernel and an initrd kept beside it, or a program in the first sector of its disk.

import { exists } from '../../lib/files.ts';
import type { RootBoot } from '../port.ts';
import type { Paths } from './paths.ts';
import { readingQcow2 } from './qcow2.ts';

const sectorBytes = 512;
const codeBytes = 440;

/** Why no machine can start on chains that end in this root; null when nothing is known that speaks against it. */
export async function bootFault({ boot, baseLayerId }: RootBoot, paths: Paths): Promise<string | null> {
  if (!(await exists(paths.layer(baseLayerId)))) return 'its first layer is missing on the disk of the host';
  if (boot.mode === 'direct') {
    const [kernel, initrd] = [await exists(paths.kernel(baseLayerId)), await exists(paths.initrd(baseLayerId))];
    return kernel && initrd ? null : `its ${kernel ? 'initrd' : 'kernel'} is missing on the disk of the host`;
  }
  const sector = await readingQcow2(paths.layer(baseLayerId), (read) => read(0, sectorBytes));
  const hasCode = sector.subarray(0, codeBytes).some((byte) => byte !== 0);
  if (hasCode && sector.readUInt16BE(510) === 0x55aa) return null;
  return 'its disk has no boot loader for BIOS: its first sector holds no program';
}
