// The contract of calls: late tokens are refused, and aborted signals end a call.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { JobId, MachineId } from '../../../src/domain/ids.ts';
import { requirePart } from '../../../src/engine/optional/parts.ts';
import type { Call } from '../../../src/engine/port/call.ts';
import { withoutJob } from '../../../src/engine/port/call.ts';
import { call } from '../../call.ts';
import type { World } from './world.ts';
import { diskId, layerId } from './world.ts';

/** Makes the context of an attempt at a job. */
const claimedAs = (jobId: number, attempt: number): Call => ({
  ...call,
  token: { jobId: jobId as JobId, attempt },
});

export function testCalls(world: World): void {
  it('refuses a token that is older than the newest for its disk, layer or job, and changes nothing', async () => {
    const { base, engine, sizeBytes } = world;
    const [disk, layer, other] = [diskId(), layerId(), diskId()];
    await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes }, claimedAs(21, 2));
    const late = { code: 'unavailable', retry: 'later', detail: /after a newer one/ };
    await assert.rejects(engine.removeDisk(disk, claimedAs(21, 1)), late);
    await assert.rejects(engine.removeDisk(disk, claimedAs(20, 9)), late);
    const seal = { diskId: disk, layerId: layer, sizeBytes };
    await assert.rejects(engine.sealDisk(seal, claimedAs(21, 1)), late);
    await assert.rejects(engine.inventory(claimedAs(21, 1)), late);
    // Job 20 was late on the first disk only. On another disk its token is accepted.
    await engine.ensureDisk({ diskId: other, layerId: base, sizeBytes }, claimedAs(20, 9));
    const { layers, disks } = await engine.inventory(call);
    assert.ok(disks.has(disk) && disks.has(other) && !layers.has(layer));
    await engine.sealDisk(seal, claimedAs(22, 1));
    await assert.rejects(engine.unsealDisk(seal, claimedAs(21, 2)), late);
    assert.ok((await engine.inventory(call)).layers.has(layer));
    await engine.unsealDisk(seal, claimedAs(22, 1));
    // A call without a job has no token, so it is never refused.
    for (const id of [disk, other]) await engine.removeDisk(id, call);
  });

  it('ends a running call when a newer attempt of its job makes a call', async (t) => {
    const { base, engine } = world;
    if (!engine.verify)
      return t.skip('NOT_SUPPORTED: the engine has no verb that is known to be slow');
    const slow = { layerId: base, bytesPerSecond: 1000 };
    const reading = requirePart(engine, 'verify').digest(slow, claimedAs(30, 1));
    const ended = assert.rejects(reading, { code: 'unavailable', retry: 'later' });
    await engine.inventory(claimedAs(30, 2));
    await ended;
  });

  it('does nothing when the signal is already aborted, and rejects with its reason', async () => {
    const { base, engine, sizeBytes } = world;
    const reason = new Error('called off');
    const off = withoutJob(AbortSignal.abort(reason));
    const disk = diskId();
    const spec = { diskId: disk, layerId: base, sizeBytes };
    for (const calling of [
      () => engine.ensureDisk(spec, off),
      () => engine.sealDisk({ ...spec, layerId: layerId() }, off),
      () => engine.stopMachine({ machineId: 1 as MachineId, graceMs: 0 }, off),
      () => engine.removeLayer(base, off),
      () => engine.check(off),
    ])
      await assert.rejects(calling, reason);
    const { layers, disks } = await engine.inventory(call);
    assert.ok(layers.has(base) && !disks.has(disk));
  });
}
