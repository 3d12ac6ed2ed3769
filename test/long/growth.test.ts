// Whether a machine's root file system uses the whole of a disk that is larger than its image, and
// whether the engine learns why where it does not. Each is a real guest of Debian 12.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { MachineId } from '../../src/domain/ids.ts';
import type { RootSystem } from '../../src/domain/root-system.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { diskId, layerId, machineOn } from '../contract/engine/world.ts';
import { defer, leftOutWithoutRoot, temporaryFolder, waitFor } from '../support.ts';
import { growthBase, type Layout } from './growth-base.ts';

const readyMs = 900_000;
const diskGb = 4;

interface Given {
  cloudInit?: boolean;
  /** Runs in the guest before it is asked for its root. */
  first?: string;
}

/** Starts a machine of the layout on a larger disk, and returns its root as the engine tells it. */
async function grown(t: TestContext, layout: Layout, { cloudInit = false, first }: Given = {}) {
  const folder = await temporaryFolder(t);
  const engine = await openQemu({ root: join(folder, 'engine') });
  const machineId = 1 as MachineId;
  defer(t, async () => {
    await engine.stopMachine({ machineId, graceMs: 0 }, call);
    await engine.close();
  });
  const { boot, disk: path, ...kernel } = await growthBase(folder, layout, { cloudInit });
  const base = layerId();
  await engine.importBase({ layerId: base, ...(await contents({ disk: path, ...kernel })) }, call);
  const disk = diskId();
  const sizeBytes = diskGb * gbBytes;
  await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes }, call);
  const chain = [base];
  const given = { machineId, diskId: disk, name: 'Studio', boot, baseLayerId: base, chain };
  const spec = machineOn({ ...given, cpus: 2, memoryMb: 1024, fresh: true });
  await engine.startMachine(spec, call);
  const ready = async () => (await engine.machineState(machineId, call)) === 'ready';
  await waitFor('the machine is ready', ready, readyMs, 500);
  const inside = async (script: string) => {
    const command = ['/bin/sh', '-c', script];
    return (await engine.exec.run({ machineId, command }, call)).stdout;
  };
  if (first) await inside(first);
  const look = async () => (await engine.vitals.look(call)).get(machineId)?.root;
  const root = await waitFor('the root is told', async () => (await look()) ?? false, readyMs, 500);
  const log = await inside('cat /run/silversmith/growth.log; lsblk -b; df -B1 /');
  t.diagnostic(`${JSON.stringify(root)}\n${log}`);
  return { root, sizeBytes, log, inside };
}

const assertWhole = ({ type, bytes, diskBytes, unused }: RootSystem, of: string, size: number) => {
  assert.equal(type, of);
  assert.equal(diskBytes, size);
  assert.ok(bytes > 0.85 * size, `it has ${bytes} of ${size} bytes`);
  assert.equal(unused, null);
};

describe('a root on a larger disk', { skip: leftOutWithoutRoot, timeout: 900_000 }, () => {
  for (const layout of ['ext4', 'xfs', 'btrfs'] as const)
    it(`of ${layout} in a partition has all of it, in a guest with an agent alone`, async (t) => {
      const { root, sizeBytes } = await grown(t, layout);
      assertWhole(root, layout, sizeBytes);
    });

  it('of ext4 on the disk itself has all of it', async (t) => {
    const { root, sizeBytes } = await grown(t, 'bare');
    assertWhole(root, 'ext4', sizeBytes);
  });

  it('of ext4 on LVM has all of it, in a guest with an agent alone', async (t) => {
    const { root, sizeBytes } = await grown(t, 'lvm');
    assert.equal(root.device, 'vg--of--root-root');
    assertWhole(root, 'ext4', sizeBytes);
  });

  it('of ext4 on LVM has all of it, in a guest with cloud-init', async (t) => {
    const { root, sizeBytes } = await grown(t, 'lvm', { cloudInit: true });
    assertWhole(root, 'ext4', sizeBytes);
  });

  it('with swap behind it keeps its size, and the reason is told', async (t) => {
    const first = 'mkswap /dev/vda2 && swapon /dev/vda2';
    const { root } = await grown(t, 'swap', { first });
    assert.ok(root.bytes < 1.6 * 1024 ** 3);
    assert.match(
      root.unused ?? '',
      /has 1\.\d GiB of the .* because vda2 \(swap\) lies behind its partition vda1; make an image/,
    );
  });
});
