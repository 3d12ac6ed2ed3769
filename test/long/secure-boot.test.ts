// Secure boot starts the loader and the kernel that Debian has signed, and no other.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { MachineId } from '../../src/domain/ids.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { diskId, layerId, machineOn } from '../contract/engine/world.ts';
import { guests, quickUefiDisk, signedLoaders } from '../qemu/quick-base.ts';
import { defer, temporaryFolder, waitFor } from '../support.ts';

const upMs = 600_000;
const id = 5 as MachineId;

const tells = `$B dmesg | $B grep -i 'secure boot' >/dev/ttyS0\n${guests.ready}`;

describe('secure boot', () => {
  it('starts what Debian has signed, and refuses a loader that nobody has signed', async (t) => {
    for (const file of Object.values(signedLoaders))
      assert.ok(
        existsSync(file),
        `${file} is missing: apt-get install shim-signed grub-efi-amd64-signed`,
      );
    const folder = await temporaryFolder(t);
    const engine = await openQemu({ root: join(folder, 'engine') });
    const stop = () => engine.stopMachine({ machineId: id, graceMs: 0 }, call);
    defer(t, stop);
    const shown = async (signed: boolean, pattern: RegExp) => {
      const [base, disk] = [layerId(), diskId()];
      const file = await quickUefiDisk(folder, tells, { signed });
      await engine.importBase({ layerId: base, ...(await contents({ disk: file })) }, call);
      const given = { layerId: base, boot: { mode: 'uefi-secure' } } as const;
      const boot = await engine.bootCheck.settle(given, call);
      await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes: gbBytes }, call);
      const machine = { machineId: id, diskId: disk, name: 'One', memoryMb: 512 };
      await engine.startMachine(machineOn({ ...machine, boot, baseLayerId: base }), call);
      let said = '';
      const isShown = async () => {
        said = await engine.console.read(id, call);
        return pattern.test(said);
      };
      await waitFor(`the console says ${pattern}`, isShown, upMs, 300);
      await stop();
      return said;
    };
    await shown(true, /secureboot: Secure boot enabled/);
    const refused = await shown(false, /failed to load Boot0001 .*: Access Denied/);
    assert.doesNotMatch(refused, /GRUB|Linux/);
  });
});
