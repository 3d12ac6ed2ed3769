// The server takes over the machines that an earlier version of it started.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { chown, mkdir, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { DiskId, LayerId, MachineId } from '../../src/domain/ids.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { diskId, layerId } from '../contract/engine/world.ts';
import { defer, leftOutWithoutRoot, temporaryFolder, waitFor } from '../support.ts';
import { mib, sizeBytes } from './hostile.ts';

describe('a machine that an earlier version started', { skip: leftOutWithoutRoot }, () => {
  it('is found, watched and stopped, and its folder no longer belongs to QEMU’s user', async (t) => {
    const folder = await realpath(await temporaryFolder(t));
    const root = join(folder, 'engine');
    const engine = await openQemu({ root });
    const raw = Buffer.alloc(2 * mib);
    raw.writeUInt16BE(0x55aa, 510);
    await writeFile(join(folder, 'base.raw'), raw);
    const [base, disk, id]: [LayerId, DiskId, MachineId] = [layerId(), diskId(), 7 as MachineId];
    await engine.importBase(
      { layerId: base, ...(await contents({ disk: join(folder, 'base.raw') })) },
      call,
    );
    await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes }, call);
    const nobody = 65_534;
    const own = join(root, 'machines', '7');
    await mkdir(own, { mode: 0o700 });
    for (const path of [own, join(root, 'disks', `${disk}.qcow2`)])
      await chown(path, nobody, nobody);
    const installation = createHash('sha256').update(root).digest('hex').slice(0, 12);
    const child = spawn(
      'qemu-system-x86_64',
      [
        ...[
          '-name',
          `guest=silversmith-${installation}-machine-7`,
          '-nodefaults',
          '-display',
          'none',
          '-S',
        ],
        ...[
          '-drive',
          `file=../../disks/${disk}.qcow2,format=qcow2,if=none,id=disk`,
          '-device',
          'virtio-blk-pci,drive=disk',
        ],
        ...['-chardev', 'ringbuf,id=result,size=4096', '-serial', 'chardev:result'],
        ...['-qmp', 'unix:qmp.sock,server=on,wait=off'],
      ],
      { cwd: own, uid: nobody, gid: nobody, detached: true, stdio: 'ignore' },
    );
    child.unref();
    defer(t, () => engine.stopMachine({ machineId: id, graceMs: 0 }, call));
    await waitFor('it is on', async () => (await engine.runningMachines(call)).has(id), 60_000);
    await waitFor(
      'its monitor is there',
      () => statSync(join(own, 'qmp.sock'), { throwIfNoEntry: false }),
      60_000,
    );
    await engine.hostBound.tidy(call);
    assert.equal(statSync(own).uid, 0);
    assert.equal(await engine.machineState(id, call), 'on');
    const moved = join(folder, 'moved');
    execFileSync('mv', [root, moved]);
    const there = await openQemu({ root: moved });
    defer(t, () => there.stopMachine({ machineId: id, graceMs: 0 }, call));
    assert.deepEqual(await there.runningMachines(call), new Set([id]));
    assert.equal(await there.machineState(id, call), 'on');
    const copy = join(folder, 'copy');
    execFileSync('cp', ['-a', moved, copy]);
    assert.deepEqual(await (await openQemu({ root: copy })).runningMachines(call), new Set());
    await there.stopMachine({ machineId: id, graceMs: 0 }, call);
    assert.deepEqual(await there.runningMachines(call), new Set());
  });
});
