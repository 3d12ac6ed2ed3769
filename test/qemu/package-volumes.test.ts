// Lists of packages on the volumes that distributions of rpm use: XFS, btrfs and LVM, and in their
// older databases.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { AppError } from '../../src/domain/error.ts';
import { call } from '../call.ts';
import { leftOutWithoutRoot, type Scope, temporaryFolder } from '../support.ts';
import { onLvm, onStripes, secondAt } from './lvm-disks.ts';
import { mib, names, type Prepared, prepared, rpmHeader, type Tree } from './package-disks.ts';
import { protoOf } from './xfs-proto.ts';

const rocky = { 'etc/os-release': 'ID=rocky\nVERSION_ID="8.9"\n' };
const header = (name: string) =>
  rpmHeader([
    [1000, name],
    [1001, '4.1'],
    [1002, '1.el8'],
    [1022, 'noarch'],
    // As long as real ones, which lie on pages of their own.
    [1005, 'x'.repeat(9000)],
  ]);

const run = (program: string, args: readonly string[], input?: string) =>
  execFileSync(program, args, { stdio: 'pipe', ...(input !== undefined && { input }) });

async function xfsOf({ treeOf, folder }: Prepared, tree: Tree, sizeMb = 320): Promise<string> {
  const content = await treeOf(tree);
  const [disk, proto] = [`${content}.raw`, join(folder, 'proto')];
  await writeFile(disk, '');
  await truncate(disk, sizeMb * mib);
  await writeFile(proto, await protoOf(content));
  run('mkfs.xfs', ['-q', '-f', '-p', proto, disk]);
  return disk;
}

async function btrfsOf({ treeOf }: Prepared, tree: Tree): Promise<string> {
  const content = await treeOf(tree);
  const disk = `${content}.raw`;
  await writeFile(disk, '');
  await truncate(disk, 128 * mib);
  run('mkfs.btrfs', ['-q', '--rootdir', content, disk]);
  return disk;
}

/** A hash of Berkeley DB, made by its own tool. */
async function berkeley(t: Scope, headers: readonly Buffer[]): Promise<Buffer> {
  const path = join(await temporaryFolder(t), 'Packages');
  const rows = [Buffer.from([5, 0, 0, 0]), ...headers].map((value, index) => {
    const key = Buffer.alloc(4);
    key.writeUInt32LE(index);
    return ` ${key.toString('hex')}\n ${value.toString('hex')}\n`;
  });
  const head = 'VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize=4096\nHEADER=END\n';
  run('db5.3_load', [path], `${head}${rows.join('')}DATA=END\n`);
  return readFile(path);
}

/** rpm's own form, of which Debian has no tool: as lib/backend/ndb/rpmpkg.c of rpm writes it. */
function ndb(headers: readonly Buffer[]): Buffer {
  const slots = Buffer.alloc(4096);
  slots.write('RpmP');
  slots.writeUInt32LE(1, 12);
  for (let at = 32; at < slots.length; at += 16) slots.write('Slot', at);
  const parts = [slots];
  let place = slots.length;
  headers.forEach((value, index) => {
    const at = 32 + index * 16;
    const blob = Buffer.alloc(Math.ceil((16 + value.length + 12) / 16) * 16);
    blob.write('BlbS');
    blob.writeUInt32LE(index + 1, 4);
    blob.writeUInt32LE(value.length, 12);
    value.copy(blob, 16);
    slots.writeUInt32LE(index + 1, at + 4);
    slots.writeUInt32LE(place / 16, at + 8);
    slots.writeUInt32LE(blob.length / 16, at + 12);
    parts.push(blob);
    place += blob.length;
  });
  return Buffer.concat(parts);
}

describe('the list of packages of a layer', () => {
  it('is read from XFS and from btrfs, and from the older databases of rpm', async (t) => {
    const p = await prepared(t);
    const xfs = await xfsOf(p, {
      ...rocky,
      'var/lib/rpm/Packages': await berkeley(t, [header('dnf'), header('bash')]),
    });
    const found = await p.list(await p.layerOf(xfs));
    assert.deepEqual(found.system, { id: 'rocky', version: '8.9', title: 'rocky' });
    assert.deepEqual(names(found), ['bash 4.1-1.el8', 'dnf 4.1-1.el8']);
    const suse = await btrfsOf(p, {
      'etc/os-release': 'ID=sles\n',
      'usr/lib/sysimage/rpm/Packages.db': ndb([header('zypper')]),
    });
    assert.deepEqual(names(await p.list(await p.layerOf(suse))), ['zypper 4.1-1.el8']);
  });

  it('is read from a logical volume in two pieces, in a partition', {
    skip: leftOutWithoutRoot,
  }, async (t) => {
    const p = await prepared(t);
    const Packages = await berkeley(t, [header('dnf')]);
    const system = await xfsOf(p, { ...rocky, 'var/lib/rpm/Packages': Packages });
    const disk = await onLvm(t, system);
    assert.deepEqual(names(await p.list(await p.layerOf(disk))), ['dnf 4.1-1.el8']);
    const bytes = await readFile(disk);
    // The description of the group, where each byte may be another one.
    const at = bytes.indexOf('logical_volumes');
    assert.ok(at > 0);
    for (const text of ['"raid1" #', '"thin"   ', '{{{{{{{{{{{', '"pv0", 99999999999999999]']) {
      const bent = Buffer.from(bytes.subarray(0, at + 6000));
      const places =
        text.includes('"raid') || text.includes('thin') ? 'type = "striped"' : 'segment1';
      for (let from = bent.indexOf(places); from !== -1; from = bent.indexOf(places, from + 1))
        bent.write(places.startsWith('type') ? `type = ${text}` : text, from);
      const file = await open(disk, 'r+');
      await file.write(bent);
      await file.close();
      const says: Record<string, RegExp> = {
        '"raid1" #': /logical volume "root" .* LVM, and it is of the type raid1, and only linear/,
        '"thin"   ': /logical volume "root" .* LVM, and it is a thin volume, whose blocks only/,
      };
      await assert.rejects(
        p.list(await p.layerOf(disk)),
        (error: AppError) =>
          /^not read: /.test(error.message) && (says[text] ?? /of LVM/).test(error.message),
      );
    }
  });

  it('is read from a striped volume over two partitions, and not when a part is on another disk', {
    skip: leftOutWithoutRoot,
  }, async (t) => {
    const p = await prepared(t);
    const Packages = await berkeley(t, [header('dnf')]);
    const system = await xfsOf(p, { ...rocky, 'var/lib/rpm/Packages': Packages });
    const disk = await onStripes(t, system);
    assert.deepEqual(names(await p.list(await p.layerOf(disk))), ['dnf 4.1-1.el8']);
    // The second partition is no physical volume any more.
    const file = await open(disk, 'r+');
    await file.write(Buffer.alloc(4096), 0, 4096, secondAt);
    await file.close();
    await assert.rejects(
      p.list(await p.layerOf(disk)),
      /not read: the logical volume "root" .* LVM, and a part of it lies on another disk/,
    );
  });

  it('is not read of what is encrypted, and says where that is', async (t) => {
    const p = await prepared(t);
    const disk = join(p.folder, 'luks.raw');
    const head = Buffer.alloc(4096);
    head.write('LUKS\xba\xbe', 'latin1');
    await writeFile(disk, head);
    await truncate(disk, 32 * mib);
    await assert.rejects(
      p.list(await p.layerOf(disk)),
      /not read: .* of its disk holds an encrypted volume \(LUKS\), and it is not read without its key/,
    );
  });

  it('is that of the subvolume that is mounted, with what is compressed', {
    skip: leftOutWithoutRoot,
  }, async (t) => {
    const p = await prepared(t);
    const disk = join(p.folder, 'fedora.raw');
    const mounted = await p.treeOf({});
    await writeFile(disk, '');
    await truncate(disk, 160 * mib);
    run('mkfs.btrfs', ['-q', disk]);
    const fill = async (options: string, text: string) => {
      run('mount', ['-o', `loop,${options}`, disk, mounted]);
      try {
        run('sh', ['-c', text]);
      } finally {
        run('umount', [mounted]);
      }
    };
    const status = (name: string) =>
      `for n in $(seq 900); do printf "Package: ${name}$n\\nStatus: install ok installed\\nVersion: 1\\n\\n"; done`;
    const root = `${mounted}/root`;
    await fill(
      'compress-force=zstd',
      `btrfs -q subvolume create ${root}; mkdir -p ${root}/etc ${root}/var/lib/dpkg; echo ID=x > ${root}/etc/os-release; (${status('a')}) > ${root}/var/lib/dpkg/status`,
    );
    const zstd = await p.list(await p.layerOf(disk));
    assert.equal(zstd.packages.length, 900);
    await fill('compress-force=zlib', `(${status('b')}) > ${root}/var/lib/dpkg/status`);
    assert.equal(names(await p.list(await p.layerOf(disk)))[0], 'b1 1');
    await fill('compress-force=lzo', `(${status('c')}) > ${root}/var/lib/dpkg/status`);
    const lzo = await p.list(await p.layerOf(disk));
    assert.deepEqual([lzo.packages.length, names(lzo)[0]], [900, 'c1 1']);
  });

  it('of XFS or btrfs that is damaged anywhere is a list or a refusal', async (t) => {
    const p = await prepared(t);
    const Packages = await berkeley(t, [header('dnf')]);
    const tree = { ...rocky, 'var/lib/rpm/Packages': Packages };
    for (const disk of [await xfsOf(p, tree), await btrfsOf(p, tree)]) {
      const whole = await readFile(disk);
      const used: number[] = [];
      for (let at = 0; at < whole.length; at += 4096)
        if (whole.subarray(at, at + 4096).some((byte) => byte !== 0)) used.push(at);
      for (let seed = 1; seed <= 6; seed++) {
        const bent = Buffer.from(whole);
        for (let each = 0; each < 60 * seed; each++) {
          const block = used[(each * 7919 * seed + seed) % used.length] ?? 0;
          // The marks by which a file system is known stay, so that it is opened.
          const within = 128 + ((each * 104_729 + seed) % (4096 - 128));
          bent[block + within] = (each * 31 + seed) % 256;
        }
        await writeFile(disk, bent);
        const id = await p.layerOf(disk);
        for (const outcome of [
          await p.list(id).catch((error: unknown) => error),
          await p.engine.packages
            .compareFiles({ from: [id], chain: [id] }, call)
            .catch((error: unknown) => error),
        ]) {
          const isRefusal = outcome instanceof AppError && outcome.code === 'internal';
          const isAnswer = typeof outcome === 'object' && outcome !== null && 'notes' in outcome;
          assert.ok(isRefusal || isAnswer, String(outcome));
        }
      }
    }
  });
});
