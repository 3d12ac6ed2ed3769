// Properties of the pure rules: sizes, names, orders, keys, and the machine's table of actions.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AppError } from './error.ts';
import type { ImageId, SoftwareId } from './ids.ts';
import {
  builtImageSizeGb,
  type Image,
  imageMayBecome,
  imageStatuses,
  parseImageName,
} from './image.ts';
import { type Machine, machineStatuses, planAssign, planStart, planStop } from './machine.ts';
import { assertRecipe, canonicalOrder, layerKey, recipeDigest } from './software.ts';

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

describe('an image', () => {
  it('has a size of at least its parts with 5 %, and less than 1 GB more', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.array(fc.integer({ min: 1, max: 1000 }), { maxLength: 20 }),
        (base, tenths) => {
          const sizes = tenths.map((tenth) => tenth / 10);
          const exact = 1.05 * (base + sizes.reduce((sum, size) => sum + size, 0));
          const size = builtImageSizeGb(base, sizes);
          assert.ok(Number.isInteger(size) && size >= exact - 1e-6 && size < exact + 1);
        },
      ),
    );
    assert.equal(builtImageSizeGb(20, []), 21);
  });

  it('never leaves failed, and is never available without having been built', () => {
    for (const to of imageStatuses) assert.equal(imageMayBecome('failed', to), false);
    for (const from of imageStatuses)
      assert.equal(imageMayBecome(from, 'available'), from === 'building');
  });

  it('takes any name of 1 to 30 visible characters and no other', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (name) => {
        const fits = name.trim() !== '' && [...name].length <= 30 && !/\p{Cc}|\p{Cs}/u.test(name);
        if (fits) assert.equal(parseImageName(name), name);
        else assert.throws(() => parseImageName(name), AppError);
      }),
    );
  });
});

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

describe('a software list', () => {
  it('has one order and one key, however it was given', () => {
    const ids = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 12 });
    fc.assert(
      fc.property(ids, (given) => {
        const list = given.map((id) => ({ id: id as SoftwareId }));
        const ordered = canonicalOrder(list);
        assert.deepEqual(ordered, canonicalOrder([...list].reverse()));
        assert.equal(new Set(ordered.map((one) => one.id)).size, ordered.length);
      }),
    );
  });

  it('has a recipe digest that follows what decides the result, and nothing else', () => {
    const recipe = {
      script: 'true',
      files: [
        { name: 'a', sha256: '1', bytes: 1 },
        { name: 'b', sha256: '2', bytes: 2 },
      ],
      network: false,
      timeoutMs: 1,
    };
    const digest = recipeDigest(recipe);
    assert.equal(
      recipeDigest({ ...recipe, timeoutMs: 2, files: [...recipe.files].reverse() }),
      digest,
    );
    assert.notEqual(recipeDigest({ ...recipe, script: 'false' }), digest);
    assert.notEqual(recipeDigest({ ...recipe, network: true }), digest);
    assert.notEqual(layerKey('a', digest), layerKey('b', digest));
  });

  it('takes no file name that could lead out of its folder', () => {
    for (const name of ['../x', 'a/b', '', '.hidden', 'a b', '-rf', 'x\n']) {
      const recipe = {
        script: 'true',
        files: [{ name, sha256: '1', bytes: 1 }],
        network: false,
        timeoutMs: 1,
      };
      assert.throws(() => assertRecipe(recipe), { code: 'invalid' }, JSON.stringify(name));
    }
  });
});
