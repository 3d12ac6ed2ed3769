// Runs the engine's contract on the QEMU engine, with real disks and real machines.

import { openQemu } from '../../src/engine/qemu/engine.ts';
import { testEngine } from '../contract/engine.ts';
import { demoBase } from '../demo-base.ts';

testEngine('qemu', {
  open: (folder) => openQemu({ root: `${folder}/engine` }),
  base: demoBase,
  readyMs: 180_000,
  slow: true,
});
