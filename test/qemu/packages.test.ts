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
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { call } from '../call.ts';
import { layerId } from '../contract/engine/world.ts';
import { defer, type Scope, temporaryFolder } from '../support.ts';

const mib = 1024 ** 2;
const installed = 'Status: install ok installed';
const stanza = (name: string, version: string) =>
  `Package: ${name}\n${installed}\nArchitecture: amd64\nVersion: ${version}\n\n`;

type Tree = Record<string, string | Buffer>;

const debian: Tree = {
  'usr/lib/os-release': 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12"\n',
  'var/lib/dpkg/status': stanza('bash', '5.2') + stanza('curl', '7.88'),
};

async function prepared(t: Scope) {
  const folder = await temporaryFolder(t);
  const root = join(folder, 'engine');
  const engine = await openQemu({ root });
  defer(t, () => engine.close());
  /** A raw disk with a file system of these files, which begins at a byte. */
  const diskOf = async (tree: Tree, { startBytes = 0, sizeMb = 16 } = {}) => {
    const content = join(folder, `tree-${layerId()}`);
    for (const [path, text] of Object.entries(tree)) {
      await mkdir(dirname(join(content, path)), { recursive: true });
      await writeFile(join(content, path), text);
    }
    await mkdir(join(content, 'etc'), { recursive: true });
    if (tree['usr/lib/os-release'] !== undefined)
      await symlink('../usr/lib/os-release', join(content, 'etc/os-release'));
    const disk = `${content}.raw`;
    await writeFile(disk, '');
    await truncate(disk, startBytes + sizeMb * mib);
    const at = ['-E', `offset=${startBytes}`, '-d', content, disk, `${sizeMb}M`];
    execFileSync('mkfs.ext4', ['-q', ...at], { stdio: 'pipe' });
    return disk;
  };
  /** Makes a layer of a raw disk. On a parent it has the difference alone. */
  const layerOf = async (disk: string, parent?: LayerId) => {
    const id = layerId();
    const layer = join(root, 'layers', `${id}.qcow2`);
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', disk, layer]);
    if (parent !== undefined) {
      const below = join(root, 'layers', `${parent}.qcow2`);
      const made = `${layer}.new`;
      const on = ['-f', 'qcow2', '-F', 'qcow2', '-b'];
      execFileSync('qemu-img', ['create', '-q', ...on, layer, made]);
      execFileSync('qemu-img', ['rebase', ...on, below, made]);
      execFileSync('mv', [made, layer]);
    }
    execFileSync('chmod', ['444', layer]);
    return id;
  };
  const list = (...chain: LayerId[]) => engine.packages.list({ chain }, call);
  return { folder, diskOf, layerOf, list, engine };
}

const names = ({ packages }: { packages: readonly { name: string; version: string }[] }) =>
  packages.map(({ name, version }) => `${name} ${version}`);

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

function rpmHeader(texts: readonly (readonly [tag: number, text: string])[]): Buffer {
  const entries = Buffer.alloc(8 + texts.length * 16);
  const data: Buffer[] = [];
  let offset = 0;
  texts.forEach(([tag, text], index) => {
    [tag, 6, offset, 1].forEach((one, at) => {
      entries.writeUInt32BE(one, 8 + index * 16 + at * 4);
    });
    data.push(Buffer.from(`${text}\0`));
    offset += text.length + 1;
  });
  entries.writeUInt32BE(texts.length, 0);
  entries.writeUInt32BE(offset, 4);
  return Buffer.concat([entries, ...data]);
}

/** Writes a partition table of the older form, with one partition of Linux. */
async function writeTable(disk: string, { firstSector = 0, sectors = 0 }): Promise<void> {
  const sector = Buffer.alloc(512);
  sector[450] = 0x83;
  sector.writeUInt32LE(firstSector, 454);
  sector.writeUInt32LE(sectors, 458);
  sector.writeUInt16BE(0x55aa, 510);
  const file = await open(disk, 'r+');
  await file.write(sector, 0, sector.length, 0);
  await file.close();
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
      [0, 'XFSB', /not read: .*holds XFS/],
      [65_600, '_BHRfS_M', /not read: .*holds btrfs/],
      [512, 'LABELONE', /not read: .*holds LVM/],
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
      /not read: its packages are in \/var\/lib\/rpm\/Packages, a Berkeley database/,
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

  it('ends with its signal, and a missing layer is named', async (t) => {
    const { diskOf, layerOf, list, engine } = await prepared(t);
    const id = await layerOf(await diskOf(debian));
    await assert.rejects(list(layerId(), id), /A layer of this image is missing/);
    const signal = AbortSignal.abort(new Error('enough'));
    await assert.rejects(engine.packages.list({ chain: [id] }, { signal, token: null }), /enough/);
  });
});
