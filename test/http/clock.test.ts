// When the clock jumps, jobs are still done, and nothing waits for a time that was set before.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { movableClock, waitFor } from '../support.ts';
import { startHarness } from './harness.ts';

const hourMs = 3600_000;

describe('a clock that jumps', () => {
  for (const [way, ms] of [
    ['back', -48 * hourMs],
    ['forward', 5 * 60_000],
  ] as const) {
    it(`${way} stops neither a job that waits for its next attempt, nor the watch on machines, nor a new request`, async (t) => {
      const { clock, jump } = movableClock();
      let failures = 0;
      const h = await startHarness(t, {
        clock,
        wrapEngine: (engine) => ({
          ...engine,
          async ensureDisk(spec, given) {
            if (failures++ === 0) throw Object.assign(new Error('once'), { retry: 'later' });
            return engine.ensureDisk(spec, given);
          },
        }),
      });
      const [first = 0, second = 0] = h.machines;
      await h.call('machineStart', { params: { id: second } });
      await waitFor('the first try failed', () => failures > 0);
      jump(ms);
      await h.call('machineStart', { params: { id: first } });
      await h.machineIs(first, 'ready');
      await h.engine.powerOff(first as never);
      await waitFor(
        'it is seen to be off',
        async () =>
          (await h.call('machineGet', { params: { id: first } })).body.attributes
            .friendly_status === 'off',
        60_000,
      );
      const { body } = await h.call('machineGet', { params: { id: second } });
      assert.ok(['ready', 'off'].includes(body.attributes.friendly_status));
    });
  }
});
