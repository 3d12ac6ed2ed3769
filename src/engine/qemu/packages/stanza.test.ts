// Tests of the readers of databases of packages, also on anything that a guest may have written.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { runs } from '../../../../test/runs.ts';
import { packageListOf, parsePackageList } from '../../../domain/package-list.ts';
import { rpmPackage } from './rpm.ts';
import { apkPackages, dpkgPackages, guestSystem } from './stanza.ts';

const status = `Package: bash
Status: install ok installed
Architecture: amd64
Source: bash (5.2)
Version: 5.2.15-2+b7
Description: shell
 Version: 9
 Package: liar

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1

Package: half
Status: install ok half-configured
Version: 1:2~rc1
`;

/** A header as rpm writes it: texts, and numbers where a number is given. */
function headerOf(entries: readonly (readonly [tag: number, value: string | number])[]): Buffer {
  const table: Buffer[] = [];
  const data: Buffer[] = [];
  let offset = 0;
  for (const [tag, value] of entries) {
    const bytes = Buffer.from(typeof value === 'string' ? `${value}\0` : [0, 0, 0, value]);
    const entry = Buffer.alloc(16);
    [tag, typeof value === 'string' ? 6 : 4, offset, 1].forEach((one, at) => {
      entry.writeUInt32BE(one, at * 4);
    });
    table.push(entry);
    data.push(bytes);
    offset += bytes.length;
  }
  const head = Buffer.alloc(8);
  head.writeUInt32BE(entries.length, 0);
  head.writeUInt32BE(offset, 4);
  return Buffer.concat([head, ...table, ...data]);
}

/** Whatever a guest wrote, a list of it is a list. */
const assertListed = (found: Parameters<typeof packageListOf>[1]) =>
  assert.doesNotThrow(() => parsePackageList(JSON.stringify(packageListOf(null, found))));

describe('the databases of packages', () => {
  it('of dpkg give what has files on the disk, and not what a continued line says', () => {
    assert.deepEqual(
      dpkgPackages(status).map(({ name, version, source }) => [name, version, source]),
      [
        ['bash', '5.2.15-2+b7', 'bash'],
        ['half', '1:2~rc1', null],
      ],
    );
  });

  it('of dpkg in files of their own have no states', () => {
    const text = 'Package: base-files\nVersion: 12.4\nArchitecture: amd64\n';
    assert.equal(dpkgPackages(text, { single: true })[0]?.name, 'base-files');
    assert.deepEqual(dpkgPackages(text), []);
  });

  it('of apk give name, version, licence and source', () => {
    const text =
      'C:Q1=\nP:musl-utils\nV:1.2.4-r2\nA:x86_64\nL:MIT AND BSD\no:musl\n\nP:musl\nV:1\no:musl\n';
    const [utils, musl] = apkPackages(text);
    assert.deepEqual(utils, {
      kind: 'apk',
      name: 'musl-utils',
      version: '1.2.4-r2',
      architecture: 'x86_64',
      source: 'musl',
      licence: 'MIT AND BSD',
    });
    assert.equal(musl?.source, null);
  });

  it('of rpm give epoch, version and release, and leave out keys', () => {
    const header = headerOf([
      [1000, 'kernel-core'],
      [1001, '6.1'],
      [1002, '4.el9'],
      [1003, 2],
      [1022, 'x86_64'],
      [1044, 'kernel-6.1-4.el9.src.rpm'],
    ]);
    const { version, source } = rpmPackage(header) ?? {};
    assert.deepEqual([version, source], ['2:6.1-4.el9', 'kernel']);
    assert.equal(rpmPackage(headerOf([[1000, 'gpg-pubkey']])), null);
  });

  it('may hold anything, and what comes of it is a list', () => {
    const text = fc.string({ unit: 'binary', maxLength: 300 });
    const line = fc.oneof(
      text,
      text.map((value) => `Package: ${value}`),
      text.map((value) => `Version:${value}`),
      text.map((value) => `V:${value}\nP:${value}\nL:${value}`),
      fc.constantFrom('', 'Status: install ok installed', ' ', ':'),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        const content = lines.join('\n');
        assertListed(dpkgPackages(content));
        assertListed(dpkgPackages(content, { single: true }));
        assertListed(apkPackages(content));
        const system = guestSystem(content);
        parsePackageList(JSON.stringify(packageListOf(system, [])));
      }),
      { numRuns: runs(30) },
    );
  });

  it('may hold a header of rpm that was cut off or changed anywhere', () => {
    const header = headerOf([
      [1000, 'name'],
      [1001, '1'],
      [1002, '1'],
      [1003, 1],
    ]);
    const change = fc.record({ at: fc.nat(header.length - 1), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), fc.nat(header.length), (changes, length) => {
        const bent = Buffer.from(header);
        for (const { at, byte } of changes) bent[at] = byte;
        const found = rpmPackage(bent.subarray(0, length));
        assertListed(found === null ? [] : [found]);
      }),
      { numRuns: runs(200) },
    );
  });
});

describe('a file os-release', () => {
  it('names the system, with and without quotes', () => {
    const text = 'PRETTY_NAME="Debian \\"x\\""\nID=debian\nVERSION_ID=\'12\'\n';
    assert.deepEqual(guestSystem(text), { id: 'debian', version: '12', title: 'Debian "x"' });
  });

  it('without an id names none', () => {
    assert.equal(guestSystem('NAME=x\nID=\n'), null);
    assert.equal(guestSystem('ID="a b"\n'), null);
  });
});
