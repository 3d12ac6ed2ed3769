// The simulator keeps the engine's contract, and loses no change that is concurrent or made by
// another process.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { BootProfile } from '../../src/domain/boot.ts';
import type { DiskId, LayerId, MachineId } from '../../src/domain/ids.ts';
import { openSimulator } from '../../src/engine/simulator/engine.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { machineOn } from '../contract/engine/world.ts';
import { testEngine } from '../contract/engine.ts';
import { temporaryFolder } from '../support.ts';

const open = (folder: string) => openSimulator({ root: folder, clock: systemClock, speed: 0 });

async function withBase(folder: string): Promise<{ disk: string; boot: BootProfile }> {
  const disk = join(folder, 'base.raw');
  await writeFile(disk, Buffer.alloc(1024 * 1024));
  return { disk, boot: { mode: 'bios' } };
}

testEngine('simulator', { open, base: withBase, readyMs: 1000 });

describe("the simulator's file", () => {
  const base = 'base' as LayerId;
  const disk = (number: number) => ({
    diskId: `disk${number}` as DiskId,
    layerId: base,
    sizeBytes: 1024,
  });

  it('keeps all changes that are made at the same time, also during reads', async (t) => {
    const folder = await temporaryFolder(t);
    const engine = await open(folder);
    await engine.importBase({ layerId: base, ...(await contents(await withBase(folder))) }, call);
    const numbers = Array.from({ length: 100 }, (_, number) => number);
    // A read takes longer than the time between two writes of the file.
    await engine.ensureDisk(disk(0), call);
    await engine.writeToDisk(disk(0).diskId, 'x'.repeat(2 ** 22));
    const left = [...numbers];
    const working = Array.from({ length: 4 }, async () => {
      for (let number = left.shift(); number !== undefined; number = left.shift())
        await engine.ensureDisk(disk(number), call);
    });
    // Each verb begins by reading the file, which may happen at any moment of a write.
    const looking = Array.from({ length: 4 }, async (_, looker) => {
      while (left.length > 0) {
        await engine.machineState(1 as MachineId, call);
        for (let turns = 0; turns < looker; turns++) await setImmediate();
      }
    });
    await Promise.all([...working, ...looking]);
    const lost = async (has: { disks: ReadonlyMap<string, number> }) =>
      numbers.filter((number) => !has.disks.has(`disk${number}`));
    assert.deepEqual(await lost(await engine.inventory(call)), []);
    assert.deepEqual(await lost(await (await open(folder)).inventory(call)), []);
  });

  it('shows each process the last write of another process', async (t) => {
    const folder = await temporaryFolder(t);
    const [one, other] = [await open(folder), await open(folder)];
    await one.importBase({ layerId: base, ...(await contents(await withBase(folder))) }, call);
    await other.ensureDisk(disk(1), call);
    const machine = 1 as MachineId;
    const { boot } = await withBase(folder);
    const spec = machineOn({ machineId: machine, diskId: disk(1).diskId, boot, baseLayerId: base });
    for (let round = 0; round < 3; round++) {
      await one.startMachine(spec, call);
      assert.equal(await other.machineState(machine, call), 'ready', `round ${round}`);
      await other.stopMachine({ machineId: machine, graceMs: 0 }, call);
      assert.equal(await one.machineState(machine, call), 'off', `round ${round}`);
    }
  });
});
