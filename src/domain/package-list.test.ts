// Tests of lists of packages and of the differences between two.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { runs } from '../../test/runs.ts';
import {
  comparePackages,
  type InstalledPackage,
  packageListOf,
  packagesMax,
  parsePackageList,
} from './package-list.ts';

const deb = (name: string, version: string, more: Partial<InstalledPackage> = {}) => ({
  kind: 'deb' as const,
  name,
  version,
  architecture: 'amd64',
  source: null,
  licence: null,
  ...more,
});

describe('a list of packages', () => {
  it('leaves out entries that are none, and says how many', () => {
    const list = packageListOf(null, [
      deb('b', '1'),
      deb('', '1'),
      deb('a\x1b[2J', '1'),
      deb('a', 'x'.repeat(300)),
      deb('a', '2'),
    ]);
    assert.deepEqual(
      list.packages.map(({ name }) => name),
      ['a', 'b'],
    );
    assert.match(list.notes[0] ?? '', /^3 entries are left out/);
  });

  it('has a limit, and says what is beyond it', () => {
    const many = Array.from({ length: packagesMax + 5 }, (_, index) => deb(`p${index}`, '1'));
    const list = packageListOf(null, many);
    assert.equal(list.packages.length, packagesMax);
    assert.match(list.notes[0] ?? '', /^5 packages beyond/);
  });

  it('is refused where it does not have the form of one', () => {
    for (const text of ['', '{}', '[]', '{"packages":[{}],"notes":[],"system":null}'])
      assert.throws(() => parsePackageList(text), /damaged/);
  });
});

describe('two lists of packages', () => {
  it('differ by what was added, what was removed, and versions', () => {
    const before = packageListOf(null, [deb('a', '1'), deb('b', '1'), deb('k', '1')]);
    const after = packageListOf(null, [deb('a', '2'), deb('c', '1'), deb('k', '1'), deb('k', '2')]);
    const { added, removed, changed } = comparePackages(before, after);
    assert.deepEqual(
      added.map(({ name, version }) => [name, version]),
      [
        ['c', '1'],
        ['k', '2'],
      ],
    );
    assert.deepEqual(
      removed.map(({ name }) => name),
      ['b'],
    );
    assert.deepEqual(
      changed.map(({ name, from, to }) => [name, from, to]),
      [['a', '1', '2']],
    );
  });

  it('differ in nothing when they are the same, and in the opposite the other way round', () => {
    const one = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      version: fc.constantFrom('1', '2', '3'),
      architecture: fc.constantFrom('amd64', 'all', null),
    });
    const lists = fc.array(one, { maxLength: 12 }).map((found) =>
      packageListOf(
        null,
        found.map((each) => deb(each.name, each.version, each)),
      ),
    );
    fc.assert(
      fc.property(lists, lists, (before, after) => {
        const same = comparePackages(before, before);
        assert.deepEqual(same, { added: [], removed: [], changed: [] });
        const [there, back] = [comparePackages(before, after), comparePackages(after, before)];
        assert.deepEqual(there.added, back.removed);
        assert.deepEqual(there.removed, back.added);
        assert.deepEqual(
          there.changed.map(({ from, to }) => [from, to]).sort(),
          back.changed.map(({ from, to }) => [to, from]).sort(),
        );
      }),
      { numRuns: runs(200) },
    );
  });
});
