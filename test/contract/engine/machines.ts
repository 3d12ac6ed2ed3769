// The contract of machines: they start, become ready, and stop.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { MachineId } from '../../../src/domain/ids.ts';
import { call } from '../../call.ts';
import { waitFor } from '../../support.ts';
import { checkEnd, checkViews } from './views.ts';
import type { World } from './world.ts';
import { diskId, machineOn } from './world.ts';

export function testMachines(world: World): void {
  it('starts a machine once, reports it ready, shows it, finds it after a restart, and stops it repeatably', async () => {
    const { base, boot, sizeBytes, under } = world;
    let { engine } = world;
    const disk = diskId();
    const machineId = 7 as MachineId;
    const spec = machineOn({
      machineId,
      diskId: disk,
      name: 'Machine 7',
      memoryMb: 512,
      boot,
      baseLayerId: base,
    });
    await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes }, call);
    assert.equal(await engine.machineState(machineId, call), 'off');
    await engine.startMachine(spec, call);
    await engine.startMachine(spec, call);
    assert.deepEqual(await engine.runningMachines(call), new Set([machineId]));
    await waitFor(
      'the machine is ready',
      async () => (await engine.machineState(machineId, call)) === 'ready',
      under.readyMs,
      200,
    );

    engine = await world.reopen();
    assert.deepEqual(await engine.runningMachines(call), new Set([machineId]));
    assert.equal(await engine.machineState(machineId, call), 'ready');

    const views = await checkViews(engine, machineId);
    await engine.stopMachine({ machineId, graceMs: 60_000 }, call);
    await checkEnd(views);
    await engine.stopMachine({ machineId, graceMs: 0 }, call);
    assert.equal(await engine.machineState(machineId, call), 'off');
    assert.equal((await engine.runningMachines(call)).size, 0);
    await engine.removeDisk(disk, call);
  });
}
