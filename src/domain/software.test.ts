// The rules of software: the order of installation, the keys of layers, and the names of files.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { SoftwareId } from './ids.ts';
import {
  assertRecipe,
  canonicalOrder,
  layerKey,
  type Recipe,
  recipeDigest,
  warningsOf,
} from './software.ts';

const title = (id: number, more: Partial<Recipe> = {}) => ({
  id: id as SoftwareId,
  name: `title ${id}`,
  recipe: { script: 'true', files: [], network: false, timeoutMs: 1, ...more },
});
const idsOf = (list: readonly { id: SoftwareId }[]) => list.map(({ id }) => id);

/** Lists in which a title is after others of a smaller number, so that there is no circle. */
const anyList = fc
  .uniqueArray(fc.record({ rank: fc.nat({ max: 30 }), after: fc.array(fc.nat({ max: 30 })) }), {
    selector: ({ rank }) => rank,
    maxLength: 12,
  })
  .map((given) =>
    given.map(({ rank, after }) =>
      title(30 - rank, {
        after: after.filter((one) => one < rank).map((one) => `title ${30 - one}`),
      }),
    ),
  );

describe('a software list', () => {
  it('has one order and one key, however it was given', () => {
    fc.assert(
      fc.property(anyList, (list) => {
        const ordered = canonicalOrder(list);
        assert.deepEqual(ordered, canonicalOrder([...list, ...list].reverse()));
        assert.equal(new Set(ordered.map((one) => one.id)).size, ordered.length);
        assert.deepEqual(new Set(ordered.map(({ id }) => id)), new Set(list.map(({ id }) => id)));
        for (const [index, { recipe }] of ordered.entries())
          for (const name of recipe.after ?? [])
            assert.ok(ordered.findIndex((one) => one.name === name) < index, name);
      }),
    );
  });

  it('is by id as far as its titles leave that open', () => {
    const plain = [3, 1, 2].map((id) => title(id));
    assert.deepEqual(idsOf(canonicalOrder(plain)), [1, 2, 3]);
    const plugin = title(1, { requires: ['title 5'] });
    const list = [plugin, title(2), title(5), title(3, { after: ['title 9'] })];
    assert.deepEqual(idsOf(canonicalOrder(list)), [2, 3, 5, 1]);
  });

  it('is refused when it lacks what a title requires, or its titles wait for each other', () => {
    const lacks = [title(1, { requires: ['Runtime'] }), title(2)];
    assert.throws(() => canonicalOrder(lacks), {
      code: 'invalid',
      message: /title 1 \(software 1\) requires Runtime, which is not in the list/,
    });
    const circle = [
      title(1, { after: ['title 2'] }),
      title(2, { requires: ['title 1'] }),
      title(3),
    ];
    assert.throws(() => canonicalOrder(circle), { code: 'invalid', message: /title 1, title 2\./ });
    assert.deepEqual(idsOf(canonicalOrder([title(1, { requires: ['title 1'] })])), [1]);
  });

  it('takes no script with the line ends of Windows', () => {
    const recipe = { script: '#!/bin/sh\r\ntrue\r\n', files: [], network: false, timeoutMs: 1 };
    assert.throws(() => assertRecipe(recipe), { code: 'invalid', message: /CRLF.*dos2unix/ });
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
    assert.notEqual(recipeDigest({ ...recipe, rebootStatus: 75 }), digest);
    assert.equal(recipeDigest({ ...recipe, memoryMb: 9, requires: ['a'] }), digest);
    assert.notEqual(layerKey('a', digest), layerKey('b', digest));
  });

  it('warns where a package manager could not reach its sources, a bounded number of times', () => {
    const said = [
      'Get:1 http://deb.debian.org/debian bookworm InRelease [151 kB]',
      "W: Failed to fetch http://deb.debian.org/debian/dists/bookworm/InRelease  Temporary failure resolving 'deb.debian.org'",
      'W: Some index files failed to download. They have been ignored, or old ones used instead.',
      'WARNING: fetching https://dl-cdn.alpinelinux.org/alpine: temporary error (try again later)',
      "Error: Failed to download metadata for repo 'appstream'",
      'W: a warning of its own',
    ];
    assert.deepEqual(warningsOf(said.join('\n')), said.slice(1, 5));
    const many = warningsOf(`W: Failed to fetch ${'x'.repeat(10_000)}\n`.repeat(1000));
    assert.deepEqual([many.length, many[0]?.length], [20, 300]);
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
