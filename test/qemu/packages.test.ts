// Lists of packages that are read from real disks. Their guests are not trusted: a file may be of
// any size, and a file system may be damaged anywhere.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, open, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { AppError } from '../../src/domain/error.ts';
import type { LayerId } from '../../src/domain/ids.ts';
import { call } from '../call.ts';
import { layerId } from '../contract/engine/world.ts';
import {
  debian,
  mib,
  names,
  prepared,
  rpmHeader,
  stanza,
  type Tree,
  writeTable,
} from './package-disks.ts';

/** The bytes of a database of rpm with one package. */
function rpmDatabase(header: Buffer): Buffer {
  const database = new DatabaseSync(':memory:');
  database.exec('create table Packages (hnum integer primary key, blob blob not null)');
  database.prepare('insert into Packages (blob) values (?)').run(header);
  const bytes = Buffer.from(database.serialize());
  database.close();
  // As rpm keeps it: with a write-ahead log.
  bytes[18] = 2;
  bytes[19] = 2;
  return bytes;
}

describe('the list of packages of a layer', () => {
  it('is that of its whole chain: what a layer above changed counts', async (t) => {
    const { diskOf, layerOf, list } = await prepared(t);
    const base = await layerOf(await diskOf(debian));
    const changed = {
      ...debian,
      'var/lib/dpkg/status': stanza('bash', '5.3') + stanza('jq', '1.6'),
    };
    const head = await layerOf(await diskOf(changed), base);
    const [below, above] = [await list(base), await list(head, base)];
    assert.deepEqual(below.system, { id: 'debian', version: '12', title: 'Debian 12' });
    assert.deepEqual(names(below), ['bash 5.2', 'curl 7.88']);
    assert.deepEqual(names(above), ['bash 5.3', 'jq 1.6']);
  });

  it('is read from a partition, and from all databases that are there', async (t) => {
    const { diskOf, layerOf, list } = await prepared(t);
    const header = rpmHeader([
      [1000, 'dnf'],
      [1001, '4.1'],
      [1002, '1.fc40'],
      [1022, 'noarch'],
    ]);
    const tree: Tree = {
      'etc/os-release': 'ID=mixed\n',
      'var/lib/dpkg/status.d/base': 'Package: base-files\nVersion: 12\n',
      'lib/apk/db/installed': 'P:musl\nV:1.2-r0\nA:x86_64\n\n',
      'usr/lib/sysimage/rpm/rpmdb.sqlite': rpmDatabase(header),
    };
    const disk = await diskOf(tree, { startBytes: mib });
    await writeTable(disk, { firstSector: 2048, sectors: 32_768 });
    const found = await list(await layerOf(disk));
    assert.deepEqual(names(found), ['musl 1.2-r0', 'base-files 12', 'dnf 4.1-1.fc40']);
    assert.equal(found.system?.id, 'mixed');
  });

  it('of a root that is not read here says of which kind it is', async (t) => {
    const { folder, layerOf, list } = await prepared(t);
    const disk = join(folder, 'other.raw');
    for (const [at, mark, kind] of [
      [0, 'XFSB', /not read: .*holds XFS, and the file system is damaged: the sizes of its tables/],
      [65_600, '_BHRfS_M', /not read: .*holds btrfs, and the file system is damaged/],
      [512, 'LABELONE', /not read: .*holds LVM, and the file system is damaged: the label of LVM/],
      [
        0,
        'LUKS\xba\xbe',
        /not read: .*holds an encrypted volume \(LUKS\), and it is not read without its key/,
      ],
      [0, 'nothing', /not read: its disk has no file system that is known here/],
    ] as const) {
      await writeFile(disk, '');
      await truncate(disk, 4 * mib);
      const file = await open(disk, 'r+');
      await file.write(Buffer.from(mark, 'latin1'), 0, mark.length, at);
      await file.close();
      await assert.rejects(list(await layerOf(disk)), kind);
    }
  });

  it('says what it does not have: a database of another form, and entries that are none', async (t) => {
    const { diskOf, layerOf, list } = await prepared(t);
    const centos = { 'etc/os-release': 'ID=centos\n', 'var/lib/rpm/Packages': 'x' };
    await assert.rejects(
      list(await layerOf(await diskOf(centos))),
      /not read: its database \/var\/lib\/rpm\/Packages cannot be read: it is damaged: it has no head/,
    );
    const odd = { 'var/lib/dpkg/status': stanza('good', '1') + stanza('bad\x1b[31m', '1') };
    const found = await list(await layerOf(await diskOf(odd)));
    assert.deepEqual(names(found), ['good 1']);
    assert.match(found.notes.join(), /1 entries are left out/);
    const none = await list(await layerOf(await diskOf({ 'etc/os-release': 'ID=bare\n' })));
    assert.match(none.notes.join(), /No database of packages/);
  });

  it('of hostile files ends within its limits', async (t) => {
    const { diskOf, layerOf, list } = await prepared(t);
    const many = Array.from({ length: 30_000 }, (_, index) => stanza(`p${index}`, '1')).join('');
    const tree: Tree = { 'etc/os-release': 'ID=x\n', 'var/lib/dpkg/status': many };
    const found = await list(await layerOf(await diskOf(tree, { sizeMb: 24 })));
    assert.equal(found.packages.length, 20_000);
    assert.match(found.notes.join(), /10000 packages beyond the first 20000/);

    const junk = Buffer.alloc(mib, 'ELF\0\xff\n:\n');
    const database = 'usr/lib/sysimage/rpm/rpmdb.sqlite';
    const garbage: Tree = { 'var/lib/dpkg/status': junk, [database]: junk };
    await assert.rejects(list(await layerOf(await diskOf(garbage))), /not read: its database/);

    const folder = join(dirname(await diskOf({})), 'loop');
    await mkdir(join(folder, 'var/lib/dpkg'), { recursive: true });
    await symlink('status', join(folder, 'var/lib/dpkg/status'));
    await writeFile(`${folder}.raw`, '');
    execFileSync('mkfs.ext4', ['-q', '-d', folder, `${folder}.raw`, '16M'], { stdio: 'pipe' });
    const looped = await list(await layerOf(`${folder}.raw`));
    assert.match(looped.notes.join(), /No database of packages/);
  });

  it('of a file that claims to have more bytes than are read is not read', async (t) => {
    const { diskOf, layerOf, list } = await prepared(t);
    const disk = await diskOf({ 'var/lib/dpkg/status': 'x' });
    const claim = 'set_inode_field /var/lib/dpkg/status size 0x100000000000';
    execFileSync('debugfs', ['-w', '-R', claim, disk], { stdio: 'pipe' });
    await assert.rejects(list(await layerOf(disk)), /at most 67108864 are read/);
  });

  it('of a file system that is damaged anywhere is a list or a refusal', async (t) => {
    const { diskOf, layerOf, list } = await prepared(t);
    const disk = await diskOf(debian);
    const whole = execFileSync('cat', [disk], { maxBuffer: 64 * mib });
    for (let seed = 1; seed <= 4; seed++) {
      const bent = Buffer.from(whole);
      // The tables of the file system lie in its first megabyte.
      for (let each = 0; each < 200 * seed; each++)
        bent[1024 + ((each * 7919 * seed + seed) % mib)] = (each * 31 + seed) % 256;
      await writeFile(disk, bent);
      const outcome = await list(await layerOf(disk)).catch((error: unknown) => error);
      const isRefusal = outcome instanceof AppError && outcome.code === 'internal';
      assert.ok(isRefusal || (typeof outcome === 'object' && outcome && 'packages' in outcome));
    }
  });

  it('differs from another by the files that were added, removed and changed', async (t) => {
    const { diskOf, layerOf, engine } = await prepared(t);
    const old = { 'etc/hosts': 'one', 'etc/gone': 'x', 'opt/same': 'y', 'opt/a/deep': 'z' };
    const now = { 'etc/hosts': 'longer', 'opt/same': 'y', 'opt/a/deep': 'z', 'new/file': 'n' };
    const from = await layerOf(await diskOf(old));
    const to = await layerOf(await diskOf(now), from);
    const compare = (before: LayerId[], chain: LayerId[]) =>
      engine.packages.compareFiles({ from: before, chain }, call);
    const { changes, notes } = await compare([from], [to, from]);
    const paths = (pick: (one: (typeof changes)[number]) => boolean) =>
      changes.filter(pick).map(({ path }) => path);
    assert.deepEqual(notes, []);
    assert.deepEqual(
      paths(({ before }) => before === null),
      ['/new', '/new/file'],
    );
    assert.deepEqual(
      paths(({ after }) => after === null),
      ['/etc/gone'],
    );
    const hosts = changes.find(({ path }) => path === '/etc/hosts');
    assert.deepEqual([hosts?.before?.sizeBytes, hosts?.after?.sizeBytes], [3, 6]);
    assert.deepEqual(await compare([from], [from]), { changes: [], notes: [] });
    await assert.rejects(compare([layerId()], [from]), /A layer of this image is missing/);
  });

  it('ends with its signal, and a missing layer is named', async (t) => {
    const { diskOf, layerOf, list, engine } = await prepared(t);
    const id = await layerOf(await diskOf(debian));
    await assert.rejects(list(layerId(), id), /A layer of this image is missing/);
    const signal = AbortSignal.abort(new Error('enough'));
    await assert.rejects(engine.packages.list({ chain: [id] }, { signal, token: null }), /enough/);
  });
});
