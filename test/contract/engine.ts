// The engine's contract: tests of the guarantees that the port states. Every engine runs them.

import { after, before, describe } from 'node:test';
import { gbBytes } from '../../src/domain/units.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { defer, type Scope, temporaryFolder } from '../support.ts';
import { testBuilds } from './engine/builds.ts';
import { testCalls } from './engine/calls.ts';
import { testDisks } from './engine/disks.ts';
import { testInstant } from './engine/instant.ts';
import { testLayers } from './engine/layers.ts';
import { testMachines } from './engine/machines.ts';
import { type EngineUnderTest, layerId, type World } from './engine/world.ts';

export function testEngine(name: string, under: EngineUnderTest): void {
  describe(`the ${name} engine`, () => {
    const suite: Scope = { after };
    // Registers the suite's cleanup now, because a hook cannot be added later; functions that are
    // deferred later join it.
    defer(suite, () => {});
    const world = {} as World;

    before(async () => {
      const folder = await temporaryFolder(suite);
      defer(suite, async () => {
        for (const machineId of (await world.engine?.runningMachines(call)) ?? [])
          await world.engine.stopMachine({ machineId, graceMs: 0 }, call);
        await world.engine?.close();
      });
      const { boot, ...files } = await under.base(folder);
      const [engine, base] = [await under.open(folder), layerId()];
      const reopen = async () => {
        await world.engine.close();
        world.engine = await under.open(folder);
        return world.engine;
      };
      const sizeBytes = 4 * gbBytes;
      Object.assign(world, { under, folder, engine, base, boot, sizeBytes, reopen });
      await engine.importBase({ layerId: base, ...(await contents(files)) }, call);
    });

    for (const test of [testLayers, testDisks, testBuilds, testMachines, testCalls]) test(world);
    if (!under.slow) testInstant(world);
  });
}
