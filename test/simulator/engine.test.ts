// The simulator keeps the engine's contract.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openSimulator } from '../../src/engine/simulator/engine.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { testEngine } from '../engine-contract.ts';

testEngine('simulator', {
  open: (folder) => openSimulator({ root: folder, clock: systemClock, speed: 0 }),
  async base(folder) {
    const disk = join(folder, 'base.raw');
    await writeFile(disk, Buffer.alloc(1024 * 1024));
    return { disk, boot: { mode: 'firmware' } };
  },
  readyMs: 1000,
});
