// The table of the changes that each state of a machine allows.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ImageId } from './ids.ts';
import type { Image } from './image.ts';
import { type Machine, machineStatuses, planAssign, planStart, planStop } from './machine.ts';

const machine = (change: Partial<Machine>): Machine =>
  ({
    id: 1,
    status: 'off',
    diskId: null,
    assignedImageId: null,
    assignmentPendingAt: null,
    capturingImageId: null,
    stopRequestedAt: null,
    diskSizeGb: 10,
    ...change,
  }) as Machine;

describe('a machine', () => {
  const image = { id: 5 as ImageId, status: 'available' } as Image;

  it('is started from off alone, and answers a second start with nothing to do', () => {
    assert.equal(planStart(machine({}), null), 'creating');
    assert.equal(planStart(machine({ diskId: 'd' as never }), null), 'turning_on');
    for (const diskId of ['d' as never, null])
      assert.equal(planStart(machine({ diskId, assignmentPendingAt: 1 }), image), 'installing');
    for (const status of ['ready', 'creating', 'turning_on', 'installing'] as const)
      assert.equal(planStart(machine({ status }), null), null);
    for (const status of [
      'turning_off',
      'graceful_stopping',
      'resizing_disk',
      'region_migration',
    ] as const) {
      assert.throws(() => planStart(machine({ status }), null), { code: 'machine_not_ready' });
    }
  });

  it('does nothing at all while an image of it is being created', () => {
    for (const status of machineStatuses) {
      const captured = machine({ status, diskId: 'd' as never, capturingImageId: 3 as ImageId });
      assert.throws(() => planStart(captured, null), { code: 'machine_not_ready' });
      assert.throws(() => planStop(captured, true), { code: 'machine_not_ready' });
    }
  });

  it('is stopped by an assignment exactly when it is on or on its way there', () => {
    const stopped = machineStatuses.filter(
      (status) => planAssign(machine({ status })) !== 'nothing',
    );
    assert.deepEqual(stopped.sort(), [
      'creating',
      'installing',
      'ready',
      'turning_on',
      'warming_up',
    ]);
  });
});
