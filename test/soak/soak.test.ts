// The checker finds each kind of broken promise, and a short soak finds none. npm run soak runs the
// long soak.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cuttableDisk } from '../power.ts';
import { leftOutWithoutRoot, temporaryFolder } from '../support.ts';
import { type Call, check, checkAudit } from './history.ts';
import { newSeed } from './random.ts';
import { runSoak } from './soak.ts';

let clock = 0;
const call = (name: string, input: Call['input'], more: Partial<Call> = {}): Call => {
  const [invokedAt, completedAt] = [clock++, clock++];
  return {
    name,
    input,
    invokedAt,
    completedAt,
    code: 200,
    status: 200,
    answer: {},
    requestIds: [`r${clock}`],
    ...more,
  };
};
const image = (id: number, status: string) => ({ answer: { attributes: { id, status } } });
const machine = (assigned_image_id: number | null, friendly_status = 'off') => ({
  answer: { attributes: { assigned_image_id, friendly_status } },
});
const gone = { code: 404, status: 404, answer: {} };
const created = () => call('imageInstall', { name: 'a' }, image(1, 'pending'));

describe('the checker of histories', () => {
  it('accepts a history in which every answer can be true', () => {
    const history = [
      created(),
      call('imageGet', { id: 1 }, image(1, 'building')),
      call('imageGet', { id: 1 }, image(1, 'available')),
      call('imageAssign', { id: 1, machine_ids: [1] }),
      call('machineStart', { id: 1 }),
      call('machineGet', { id: 1 }, machine(1, 'ready')),
      call('imageDelete', { id: 1 }),
      call('imageGet', { id: 1 }, gone),
      call('machineGet', { id: 1 }, machine(null, 'ready')),
    ];
    assert.deepEqual(check(history), []);
    // Image 1 goes to machine 2, which does not concern machine 1.
    const others = [
      call('imageAssign', { id: 3, machine_ids: [1] }),
      call('imageAssign', { id: 1, machine_ids: [2] }),
      call('machineGet', { id: 1 }, machine(3)),
    ];
    assert.deepEqual(check(others), []);
    // A restored image is assigned again to its machines, except those that have another image.
    const restored = [call('imageDelete', { id: 3 }), call('imageRestore', { id: 3 })];
    assert.deepEqual(
      check([...others, ...restored, call('machineGet', { id: 1 }, machine(3))]),
      [],
    );
    const elsewhere = [call('imageAssign', { id: 1, machine_ids: [1] }), ...restored];
    assert.deepEqual(check([...elsewhere, call('machineGet', { id: 1 }, machine(1))]), []);
    // Two calls at the same time may have taken effect in either order.
    const [assign, read] = [
      call('imageAssign', { id: 2, machine_ids: [1] }),
      call('machineGet', { id: 1 }, machine(null)),
    ];
    assert.deepEqual(check([assign, { ...read, invokedAt: assign.invokedAt }]), []);
  });

  const wrong: [what: string, history: () => Call[], said: RegExp][] = [
    [
      'an acknowledged image that is lost',
      () => [created(), call('imageGet', { id: 1 }, gone)],
      /saw gone/,
    ],
    [
      'a deleted image that comes back',
      () => [
        created(),
        call('imageDelete', { id: 1 }),
        call('imageGet', { id: 1 }, image(1, 'pending')),
      ],
      /saw there/,
    ],
    [
      'a list that lacks an acknowledged image',
      () => [created(), call('imageList', {}, { answer: { images: [], count: 0 } })],
      /saw gone/,
    ],
    [
      'a state that goes back',
      () => [
        created(),
        call('imageGet', { id: 1 }, image(1, 'available')),
        call('imageGet', { id: 1 }, image(1, 'building')),
      ],
      /was available and then building/,
    ],
    [
      'an assignment that is forgotten',
      () => [
        call('imageAssign', { id: 1, machine_ids: [1] }),
        call('imageAssign', { id: 2, machine_ids: [1] }),
        call('machineGet', { id: 1 }, machine(1)),
      ],
      /the image of machine 1: .* saw 1/,
    ],
    [
      'a machine that is off though it was started last',
      () => [
        call('machineStop', { id: 1 }),
        call('machineStart', { id: 1 }),
        call('machineGet', { id: 1 }, machine(null, 'off')),
      ],
      /the power of machine 1/,
    ],
    [
      'an answer that says the server failed',
      () => [call('imageList', {}, { code: 500, status: 500 })],
      /answered 500/,
    ],
  ];
  for (const [what, history, said] of wrong) {
    it(`finds ${what}`, () => {
      const problems = check(history());
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0] ?? '', said);
    });
  }

  it('finds an accepted change that the audit trail lacks, and a refused change that it has', () => {
    const [done, refused] = [
      call('machineStop', { id: 1 }),
      call('machineStop', { id: 1 }, { code: 4209, status: 422 }),
    ];
    const entry = (one: Call, client_code: number) => ({
      request_id: one.requestIds[0] ?? '',
      client_code,
    });
    assert.deepEqual(checkAudit([done, refused], [entry(done, 200), entry(refused, 4209)]), []);
    assert.equal(checkAudit([done, refused], []).length, 1);
    assert.equal(checkAudit([done, refused], [entry(done, 200), entry(refused, 200)]).length, 1);
  });
});

describe('a soak', () => {
  it('loses no acknowledged change under kills at random moments', {
    timeout: 290_000,
  }, async (t) => {
    const folder = await temporaryFolder(t);
    const seed = newSeed();
    t.diagnostic(`seed ${seed}`);
    const result = await runSoak({
      folder,
      seed,
      kills: 8,
      clients: 4,
      say: (line) => t.diagnostic(line),
    });
    const { calls, kills, repeated, problems } = result;
    t.diagnostic(`${calls} answers, ${kills} kills, ${repeated} calls were repeated`);
    assert.deepEqual(problems, []);
    assert.ok(calls > 20 && kills === 8);
  });

  it('loses no acknowledged change under power cuts at random moments', {
    timeout: 290_000,
    skip: leftOutWithoutRoot,
  }, async (t) => {
    const disk = await cuttableDisk(t, 256);
    const seed = newSeed();
    t.diagnostic(`seed ${seed}`);
    const { calls, kills, repeated, problems } = await runSoak({
      folder: disk.folder,
      aside: await temporaryFolder(t),
      afterKill: disk.cut,
      seed,
      kills: 8,
      clients: 4,
      say: (line) => t.diagnostic(line),
    });
    t.diagnostic(`${calls} answers, ${kills} power cuts, ${repeated} calls were repeated`);
    assert.deepEqual(problems, []);
    assert.ok(calls > 20 && kills === 8);
  });
});
