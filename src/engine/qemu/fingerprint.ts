// Names everything that the memory and the device state of a guest depend on. A template that was
// made under an equal fingerprint can be loaded; any other is made again.

import { createHash } from 'node:crypto';
import type { LayerId } from '../../domain/ids.ts';
import type { ChainBoot } from '../port/layers.ts';
import { qemuArgs } from './command.ts';
import type { Host } from './host.ts';
import type { Paths } from './paths.ts';

const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 12);

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

export const fingerprintOf = (host: Host, paths: Paths): string =>
  [host.version, host.accel, host.processor, layoutOf(smallest, host, paths)].join(' ');
