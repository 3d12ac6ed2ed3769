// Names everything that the memory and the device state of a guest depend on. A template that was
// made under an equal fingerprint can be loaded; any other is made again.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { LayerId } from '../../domain/ids.ts';
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

/** Changes with every change of the devices that a guest has. */
const layoutOf = (host: Host, paths: Paths) =>
  digest(
    JSON.stringify(
      qemuArgs(
        {
          ...{ name: '', disk: '', seed: '', variables: '', cpus: 1, memoryMb: 1, memory: 'clone' },
          ...{ build: false, network: false, boot: { mode: 'bios' } },
          ...{ baseLayerId: '0' as LayerId, chain: [] },
        },
        host,
        paths,
      ),
    ),
  );

export const fingerprintOf = async (host: Host, paths: Paths): Promise<string> =>
  [host.version, host.accel, await processorOf(host), layoutOf(host, paths)].join(' ');
