// The console of a machine that did not start.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Engine } from '../../src/engine/port/engine.ts';
import { startHarness } from './harness.ts';

describe('the console of a machine', () => {
  it('is shown in the reason when a machine did not start, and its end is kept', async (t) => {
    const shown =
      'Loading\u001b[31m initial ramdisk\r\nALERT! /dev/vda9 does not exist.\n(initramfs) ';
    const wrapEngine = (engine: Engine): Engine => ({
      ...engine,
      console: {
        read: async () => shown,
        open: async () => {
          throw new Error('nothing opens it here');
        },
      },
    });
    const h = await startHarness(t, { settings: { readyMs: 20 }, wrapEngine });
    const { id } = await h.addMachine(h.ours, 'sim-never-ready');
    const before = await h.call('machineConsole', { params: { id } });
    assert.deepEqual(before.body.attributes, { shown: null, kept_at: null });
    await h.call('machineStart', { params: { id } });
    const { status_reason } = await h.machineIs(id, 'off');
    assert.match(
      status_reason,
      /not ready within.*What was seen: .*initramfs.*its console:\n.*ALERT!/s,
    );
    const after = await h.call('machineConsole', { params: { id } });
    assert.equal(
      after.body.attributes.shown,
      'Loading initial ramdisk\nALERT! /dev/vda9 does not exist.\n(initramfs) ',
    );
    assert.ok(after.body.attributes.kept_at);
  });
});
