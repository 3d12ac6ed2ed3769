// A guest that has the agent and no program that reads a seed: the demo base without its unit.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { MachineId } from '../../src/domain/ids.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { diskId, layerId } from '../contract/engine/world.ts';
import { demoBase } from '../demo-base.ts';
import { defer, temporaryFolder, waitFor } from '../support.ts';
import { debugfs } from './cloud-base.ts';

describe('a guest with an agent alone', () => {
  it('gets a lasting identity through the agent before it is ready or its card has a link', async (t) => {
    const folder = await temporaryFolder(t);
    const engine = await openQemu({
      root: join(folder, 'engine'),
      networks: { network: 'user', reach: [] },
    });
    const { boot, disk: demo, ...kernel } = await demoBase();
    const raw = join(folder, 'agent.raw');
    execFileSync('qemu-img', ['convert', '-O', 'raw', demo, raw]);
    const unit = '/etc/systemd/system/silversmith-seed.service';
    debugfs(raw, [`rm ${unit}`, `symlink ${unit} /dev/null`]);
    const base = layerId();
    await engine.importBase({ layerId: base, ...(await contents({ disk: raw, ...kernel })) }, call);
    const machines = [1, 2].map((id) => ({
      ...{
        machineId: id as MachineId,
        diskId: diskId(),
        name: `Studio ${id}`,
        cpus: 1,
        memoryMb: 512,
      },
      ...{ boot, baseLayerId: base, chain: [base] },
    }));
    defer(t, () =>
      Promise.all(
        machines.map(({ machineId }) => engine.stopMachine({ machineId, graceMs: 0 }, call)),
      ),
    );
    const inside = async (id: MachineId, script: string) =>
      (await engine.exec.run({ machineId: id, command: ['/bin/sh', '-c', script] }, call)).stdout
        .trim()
        .split('\n');
    const who =
      'cat /etc/machine-id /var/lib/silversmith/identity; hostname; cat /sys/class/net/e*/address';
    const seen: string[][] = [];
    for (const spec of machines) {
      await engine.ensureDisk({ diskId: spec.diskId, layerId: base, sizeBytes: 3 * gbBytes }, call);
      await engine.startMachine({ ...spec, fresh: true }, call);
    }
    for (const { machineId, diskId: disk } of machines) {
      const ready = async () => (await engine.machineState(machineId, call)) === 'ready';
      await waitFor('the machine is ready', ready, 180_000, 200);
      const [id = '', instance, ...names] = await inside(machineId, who);
      assert.match(id, /^[0-9a-f]{32}$/);
      assert.equal(instance, disk);
      const linked = async () =>
        (await inside(machineId, 'cat /sys/class/net/e*/carrier')).join() === '1';
      await waitFor('its card has a link', linked, 60_000, 200);
      seen.push([id, ...names]);
    }
    assert.equal(new Set(seen.flat()).size, 6, JSON.stringify(seen));
  });
});
