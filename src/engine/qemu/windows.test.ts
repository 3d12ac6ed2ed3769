// The hardware that Windows guests have, as QEMU is told of it.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { LayerId } from '../../domain/ids.ts';
import { layoutOf } from './fingerprint.ts';
import type { Host } from './host.ts';
import { pathsIn } from './paths.ts';
import { processorOf } from './processor.ts';
import { clockArgs } from './windows.ts';

const linux = { mode: 'bios' } as const;
const windows = { mode: 'bios', agentShell: 'powershell' } as const;

it('a guest of Windows has the enlightenments of Hyper-V where KVM gives them, and local time', () => {
  const processor = processorOf(windows, { accel: 'kvm' });
  assert.match(processor, /^host,hv-relaxed,hv-vapic,hv-spinlocks=0x1fff,hv-vpindex,.*,hv-ipi$/);
  assert.equal(processorOf(windows, { accel: 'tcg' }), processorOf(linux, { accel: 'tcg' }));
  assert.deepEqual(clockArgs(windows).slice(0, 2), ['-rtc', 'base=localtime,driftfix=slew']);
});

it('other guests have what they had, and no template of theirs serves one of Windows', () => {
  assert.equal(processorOf(linux, { accel: 'kvm' }), 'host');
  assert.deepEqual(clockArgs(linux), []);
  const shape = { baseLayerId: 'base' as LayerId, cpus: 1, memoryMb: 512 };
  const layouts = [linux, { ...linux, agentShell: 'sh' as const }, windows].map((boot) =>
    layoutOf({ ...shape, boot }, { accel: 'tcg' } as Host, pathsIn('/engine')),
  );
  assert.equal(layouts[0], layouts[1]);
  assert.notEqual(layouts[0], layouts[2]);
});
