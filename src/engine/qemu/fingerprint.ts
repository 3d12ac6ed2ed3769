// Names everything that the memory and the device state of a guest depend on. A template that was
// made under an equal fingerprint can be loaded; any other is made again.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { LayerId } from '../../domain/ids.ts';
import type { ChainBoot } from '../port/layers.ts';
import { qemuArgs } from './command.ts';
import type { Host } from './host.ts';
import type { Paths } from './paths.ts';

const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 12);

/** The processor that guests see: QEMU's own under emulation, else that of the host. */
async function processorOf({ accel }: Host): Promise<string> {
  if (accel === 'tcg') return 'max';
  const said = await readFile('/proc/cpuinfo', 'utf8');
  const [first = ''] = said.split('\n\n');
  const lines = first
    .split('\n')
    .filter((line) => /^(vendor_id|cpu family|model|stepping|microcode|flags)\b/.test(line));
  return digest(lines.join('\n'));
}

type Shape = ChainBoot & { cpus: number; memoryMb: number };

/** Changes with every change of the devices that a guest has, and of what it boots with. */
export const layoutOf = (
  { boot, baseLayerId, cpus, memoryMb }: Omit<Shape, 'chain'>,
  host: Host,
  paths: Paths,
): string =>
  digest(
    JSON.stringify(
      qemuArgs(
        {
          ...{
            name: '',
            disk: '',
            seed: '',
            variables: '',
            memory: 'clone',
            build: false,
            card: null,
          },
          ...{ boot, baseLayerId, chain: [], cpus, memoryMb },
        },
        host,
        paths,
      ),
    ),
  );

const smallest = {
  ...{ boot: { mode: 'bios' as const }, baseLayerId: '0' as LayerId },
  ...{ cpus: 1, memoryMb: 1 },
};

export const fingerprintOf = async (host: Host, paths: Paths): Promise<string> =>
  [host.version, host.accel, await processorOf(host), layoutOf(smallest, host, paths)].join(' ');
