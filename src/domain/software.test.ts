// The rules of software: the order of installation, the keys of layers, and the names of files.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { SoftwareId } from './ids.ts';
import { assertRecipe, canonicalOrder, layerKey, recipeDigest } from './software.ts';

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
