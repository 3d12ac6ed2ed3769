// A disk that a process can still write to must not become a layer.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { call } from '../call.ts';
import { diskId, layerId } from '../contract/engine/world.ts';
import { defer, waitFor } from '../support.ts';
import { hostile, sizeBytes } from './hostile.ts';

describe('a disk that a process has open', () => {
  it('is refused with a reason, and is sealed once the process has ended', async (t) => {
    const s = await hostile(t, '');
    const [disk, layer] = [diskId(), layerId()];
    await s.engine.ensureDisk({ diskId: disk, layerId: s.base, sizeBytes }, call);
    const file = join(s.root, 'disks', `${disk}.qcow2`);
    const qemu = spawn(
      '/usr/bin/qemu-system-x86_64',
      [
        ...[
          '-nodefaults',
          '-display',
          'none',
          '-S',
          '-qmp',
          `unix:${join(s.folder, 'q')},server=on,wait=off`,
        ],
        ...[
          '-drive',
          `file=${file},format=qcow2,if=none,id=d`,
          '-device',
          'virtio-blk-pci,drive=d',
        ],
      ],
      { stdio: 'ignore' },
    );
    defer(t, () => qemu.kill('SIGKILL'));
    await waitFor(
      'it has the disk',
      () => statSync(join(s.folder, 'q'), { throwIfNoEntry: false }),
      60_000,
    );
    await assert.rejects(s.engine.sealDisk({ diskId: disk, layerId: layer, sizeBytes }, call), {
      message: /^A process on this host still has the machine's disk open/,
      retry: 'later',
    });
    assert.ok(!(await s.engine.inventory(call)).layers.has(layer));
    qemu.kill('SIGKILL');
    await s.engine.sealDisk({ diskId: disk, layerId: layer, sizeBytes }, call);
    assert.ok((await s.engine.inventory(call)).layers.has(layer));
  });
});
