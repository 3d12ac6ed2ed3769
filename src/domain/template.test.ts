// The choice of the next template and of those that give way.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { LayerId, TemplateId } from './ids.ts';
import {
  bytesOfTemplate,
  planTemplates,
  type SizedTemplate,
  type TemplateFor,
  templateBytes,
  templateRetryMs,
} from './template.ts';

const hourMs = 3600_000;
const now = 100 * hourMs;
const mib = 1024 ** 2;

const sizeOf = (number: number): TemplateFor => ({
  layerId: `layer ${number}` as LayerId,
  cpus: 1,
  memoryMb: 256,
  diskSizeGb: 10,
});

const templateOf = (number: number, given: Partial<SizedTemplate>): SizedTemplate => ({
  ...sizeOf(number),
  id: `template ${number}` as TemplateId,
  ...{ place: 'local', fingerprint: 'one', state: 'ready', resultLayerId: null },
  ...{ stateBytes: 0, memoryBytes: 200 * mib, layerBytes: 0, stateSha256: null },
  ...{ memorySha256: null, failures: 0, retryAt: null, reason: null, createdAt: 0, madeAt: 0 },
  ...{ lastUsedAt: null, verifiedAt: null, deletingAt: null },
  ...given,
});

const templates = fc
  .array(
    fc.record({
      usedHoursAgo: fc.double({ min: 0, max: 10, noNaN: true }),
      memoryBytes: fc.integer({ min: 0, max: 600 * mib }),
      state: fc.constantFrom('ready' as const, 'ready' as const, 'making' as const),
    }),
    { maxLength: 8 },
  )
  .map((all) =>
    all.map(({ usedHoursAgo, memoryBytes, state }, at) =>
      templateOf(at, {
        state,
        lastUsedAt: now - usedHoursAgo * hourMs,
        memoryBytes: state === 'ready' ? memoryBytes : 0,
      }),
    ),
  );

const wishes = fc.uniqueArray(fc.nat({ max: 12 }), { maxLength: 12 }).map((all) => all.map(sizeOf));

const sum = (all: readonly SizedTemplate[]) =>
  all.reduce((total, one) => total + bytesOfTemplate(one), 0);

describe('the plan of templates', () => {
  it('takes no more bytes than it may, and lets none go for nothing', () => {
    const limit = fc.integer({ min: 0, max: 3000 * mib });
    fc.assert(
      fc.property(templates, wishes, limit, (known, wanted, bytesMax) => {
        const { make, giveWay } = planTemplates({ templates: known, wanted, bytesMax, now });
        const rest = known.filter((one) => !giveWay.includes(one));
        const needed = make === null ? 0 : templateBytes(make.memoryMb);
        assert.ok(sum(rest) + needed <= bytesMax);
        // What is being made stays, and each that gives way was in the way.
        assert.ok(giveWay.every(({ state }) => state === 'ready'));
        for (const one of giveWay)
          assert.ok(sum(rest) + needed + bytesOfTemplate(one) > bytesMax || sum(known) > bytesMax);
      }),
    );
  });

  it('makes what is wanted most and is missing, and nothing else', () => {
    fc.assert(
      fc.property(templates, wishes, (known, wanted) => {
        const bytesMax = 100_000 * mib;
        const { make, giveWay } = planTemplates({ templates: known, wanted, bytesMax, now });
        const missing = wanted.filter(
          (one) => !known.some(({ layerId }) => layerId === one.layerId),
        );
        assert.deepEqual([make, giveWay], [missing[0] ?? null, []]);
      }),
    );
  });

  it('lets no template that is wanted and was used within an hour give way to another one', () => {
    const wanted = [sizeOf(1), sizeOf(2)];
    const bytesMax = templateBytes(256) + 100 * mib;
    const plan = (lastUsedAt: number) =>
      planTemplates({ templates: [templateOf(1, { lastUsedAt })], wanted, bytesMax, now });
    assert.deepEqual(plan(now - 1), { make: null, giveWay: [] });
    assert.equal(plan(now - 2 * hourMs).make, wanted[1]);
    assert.equal(plan(now - 2 * hourMs).giveWay.length, 1);
  });

  it('tries again what failed when its time has come, later after each failure', () => {
    const wanted = [sizeOf(1)];
    const failed = (retryAt: number) => [templateOf(1, { state: 'failed', retryAt })];
    const plan = (retryAt: number) =>
      planTemplates({ templates: failed(retryAt), wanted, bytesMax: 2 ** 40, now }).make;
    assert.deepEqual([plan(now), plan(now + 1)], [wanted[0], null]);
    const waits = [1, 2, 3, 4, 50].map(templateRetryMs);
    assert.deepEqual(
      waits,
      waits.toSorted((one, other) => one - other),
    );
    assert.ok(waits.every((one) => one > 0 && one <= 6 * hourMs));
  });
});
