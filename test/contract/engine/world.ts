// The state that the suites of the engine's contract share: an engine with one base, and functions
// that make ids, machines and recipes.

import { randomBytes } from 'node:crypto';
import type { BootProfile } from '../../../src/domain/boot.ts';
import type { DiskId, LayerId } from '../../../src/domain/ids.ts';
import type { Recipe } from '../../../src/domain/software.ts';
import type { Engine } from '../../../src/engine/port/engine.ts';
import type { MachineSpec } from '../../../src/engine/port/machines.ts';

export interface EngineUnderTest {
  open(folder: string): Promise<Engine>;
  /** Makes the files of a bootable base, and its boot profile. */
  base(
    folder: string,
  ): Promise<{ disk: string; kernel?: string; initrd?: string; boot: BootProfile }>;
  /** The longest time from a start until the machine is ready. */
  readyMs: number;
  /** Templates take so long to make that a test of the engine makes one for all of its cases. */
  slow?: true;
}

export interface World {
  under: EngineUnderTest;
  folder: string;
  engine: Engine;
  base: LayerId;
  boot: BootProfile;
  sizeBytes: number;
  /** Closes the engine and opens another one on the same folder, as a restart does. */
  reopen(): Promise<Engine>;
}

const newId = () => randomBytes(12).toString('hex');
/** Makes the spec of a small machine on a fresh disk directly on its base; `given` overrides it. */
export const machineOn = (
  given: Pick<MachineSpec, 'machineId' | 'diskId' | 'boot' | 'baseLayerId'> & Partial<MachineSpec>,
): MachineSpec => ({
  name: 'M',
  cpus: 1,
  memoryMb: 256,
  fresh: true,
  chain: [given.baseLayerId],
  ...given,
});

export const layerId = () => newId() as LayerId;
export const diskId = () => newId() as DiskId;
export const recipeOf = (script: string, more: Partial<Recipe> = {}): Recipe => ({
  script,
  files: [],
  network: false,
  timeoutMs: 120_000,
  ...more,
});
