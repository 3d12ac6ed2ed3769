// The contract of templates: one is made and found again, a machine starts from it, and what does
// not fit boots cold.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { MachineId, TemplateId } from '../../../src/domain/ids.ts';
import type { UsableTemplate } from '../../../src/engine/optional/instant.ts';
import type { MachineSpec } from '../../../src/engine/port/machines.ts';
import { call } from '../../call.ts';
import { waitFor } from '../../support.ts';
import type { World } from './world.ts';
import { diskId, layerId, machineOn } from './world.ts';

export function testInstant(world: World): void {
  it('makes a template once, starts a machine from it, and boots cold where it does not fit', async (t) => {
    const { base, boot, engine, sizeBytes, under } = world;
    const { instant } = engine;
    if (!instant) return t.skip('NOT_SUPPORTED: the engine has no part instant');
    assert.equal(await instant.fingerprint(call), await instant.fingerprint(call));
    const [templateId, result] = [layerId() as string as TemplateId, layerId()];
    const size = { cpus: 1, memoryMb: 512 };
    const on = { boot, baseLayerId: base };
    const spec = {
      ...{ templateId, layerId: base, resultLayerId: result, sizeBytes, ...size, ...on },
      chain: [base],
      timeoutMs: under.readyMs,
    };
    const made = await instant.makeTemplate(spec, call);
    assert.deepEqual(await instant.makeTemplate(spec, call), made);
    const { stateSha256, memorySha256 } = made;
    const digests = { stateSha256, memorySha256 };
    const take = { templateId, bytesPerSecond: 0 };
    assert.deepEqual(await instant.digestTemplate(take, call), digests);
    assert.ok(((await instant.templates(call)).get(templateId) ?? 0) > 0);
    assert.ok((await engine.inventory(call)).layers.has(result));

    const template: UsableTemplate = { templateId, ...size, ...digests };
    const started = async (number: number, more: Partial<MachineSpec>) => {
      const [machineId, disk] = [number as MachineId, diskId()];
      await engine.ensureDisk({ diskId: disk, layerId: result, sizeBytes }, call);
      const machine = machineOn({ machineId, diskId: disk, ...on, ...size });
      const how = await engine.startMachine({ ...machine, chain: [result, base], ...more }, call);
      await waitFor(
        `machine ${number} is ready`,
        async () => (await engine.machineState(machineId, call)) === 'ready',
        under.readyMs,
        200,
      );
      await engine.stopMachine({ machineId, graceMs: 0 }, call);
      await engine.removeDisk(disk, call);
      return how;
    };
    assert.deepEqual(await started(71, { template }), { how: 'instant' });
    const other = { ...template, memorySha256: '0'.repeat(64) };
    const cold = await started(72, { template: other });
    assert.match(cold.how === 'cold' ? (cold.because ?? '') : '', /damaged/);

    await instant.removeTemplate(templateId, call);
    await instant.removeTemplate(templateId, call);
    assert.ok(!(await instant.templates(call)).has(templateId));
    await assert.rejects(instant.digestTemplate(take, call), { retry: 'never' });
    await engine.removeLayer(result, call);
  });
}
