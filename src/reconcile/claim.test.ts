// Which jobs are claimed.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Job, jobKindNames } from '../domain/job.ts';
import { planClaims, retryDelayMs } from './claim.ts';

const now = 1000;
const limits = {
  imageCapture: 1,
  imageExport: 1,
  imageImport: 2,
  imageInstall: 2,
  imageReuse: 2,
  layerCompact: 1,
  machineStart: 3,
  machineStop: 1,
};
const anyJob = fc.record({
  kind: fc.constantFrom(...jobKindNames),
  state: fc.constantFrom('queued' as const, 'running' as const),
  notBefore: fc.constantFrom(0, now, now + 1, now + 3600_000),
  leaseUntil: fc.constantFrom(now - 1, now, now + 1),
});

describe('planClaims', () => {
  it('claims only what is due or orphaned, within the limits, and leaves no room unused', () => {
    fc.assert(
      fc.property(fc.array(anyJob, { maxLength: 40 }), (given) => {
        const open = given.map((one, id) => ({ ...one, id }) as unknown as Job);
        const claimed = new Set(planClaims(open, now, limits));
        const runs = (one: Job) => one.state === 'running' && (one.leaseUntil ?? 0) > now;
        for (const kind of jobKindNames) {
          const ofKind = open.filter((one) => one.kind === kind);
          const running = ofKind.filter(runs).length;
          const ready = ofKind.filter((one) => !runs(one) && one.notBefore !== now + 1);
          const room = Math.max(0, limits[kind] - running);
          assert.deepEqual(
            ofKind.filter((one) => claimed.has(one)),
            ready.slice(0, room),
          );
        }
      }),
    );
  });

  it('waits longer after every failure, up to a minute', () => {
    assert.deepEqual([1, 2, 3, 4, 20].map(retryDelayMs), [1000, 2000, 4000, 8000, 60_000]);
  });
});
