// Judges answers of guests about their root file systems, against a socket that answers as QEMU's
// guest agent does.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { devicesIn, rootSystemOf, systemsIn } from './root-system.ts';

const gib = 1024 ** 3;
const sectors = (gigabytes: number) => String(Math.round((gigabytes * gib) / 512));

interface Guest {
  systems?: unknown;
  disks?: unknown;
  files?: Record<string, string>;
}

/** Asks an agent that answers so; without an answer it refuses the question. */
async function asked(t: TestContext, { systems, disks, files = {} }: Guest, diskGib = 10) {
  const folder = await mkdtemp(join(tmpdir(), 'silversmith-'));
  const given = (answer: unknown) =>
    answer === undefined ? { error: { desc: 'blocked' } } : { return: answer };
  const server = createServer((socket) => {
    let file = '';
    socket.on('error', () => {});
    createInterface({ input: socket }).on('line', (line) => {
      const { execute, arguments: args } = JSON.parse(line.replace(/^[^{]*/, ''));
      if (execute === 'guest-file-open') file = files[args.path] ?? '';
      const answer = {
        'guest-sync-delimited': { return: args?.id },
        'guest-get-fsinfo': given(systems),
        'guest-get-disks': given(disks),
        'guest-file-open': given(files[args?.path] === undefined ? undefined : 1),
        'guest-file-seek': { return: {} },
        'guest-file-read': {
          return: { 'buf-b64': Buffer.from(file).toString('base64'), eof: true },
        },
        'guest-file-close': { return: {} },
      }[execute as string];
      socket.write(`${JSON.stringify(answer)}\n`);
    });
  });
  const path = join(folder, 'agent.sock');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });
  return rootSystemOf(path, diskGib * gib, 5000);
}

const system = (name: string, mountpoint: string, gigabytes: number, type = 'ext4') => ({
  ...{ name, mountpoint, type, 'used-bytes': 1, disk: [] },
  'total-bytes': Math.round(gigabytes * gib),
});
const disk = (name: string, below: string[] = [], more = {}) => ({
  ...{ name: `/dev/${name}`, partition: false },
  ...{ dependencies: below.map((one) => `/dev/${one}`), ...more },
});
const part = (name: string, of: string) => disk(name, [of], { partition: true });
const place = (name: string, start: number, size: number) => ({
  [`/sys/class/block/${name}/start`]: `${sectors(start)}\n`,
  [`/sys/class/block/${name}/size`]: `${sectors(size)}\n`,
});

describe('the root file system of a machine', () => {
  it('is told with its size, and is in use where others beside it take the rest', async (t) => {
    const systems = [
      system('vda1', '/', 3, 'xfs'),
      system('vda2', '/home', 6),
      system('vda2', '/srv', 6),
      system('vdb', '/mnt', 50, 'iso9660'),
    ];
    const disks = [disk('vda'), part('vda1', 'vda'), part('vda2', 'vda'), disk('vdb')];
    const root = { device: 'vda1', type: 'xfs', bytes: 3 * gib, diskBytes: 10 * gib };
    assert.deepEqual(await asked(t, { systems, disks }), { ...root, unused: null });
    const alone = await asked(t, { systems: systems.slice(0, 1), disks });
    assert.match(
      alone?.unused ?? '',
      /^Its root file system has 3 GiB of the 10 GiB of its disk, /,
    );
  });

  it('is said to have swap behind it, or what its partition or its file system lacks', async (t) => {
    const systems = [system('vda1', '/', 2.4)];
    const disks = [disk('vda'), part('vda1', 'vda'), part('vda2', 'vda')];
    const swap = { '/proc/swaps': 'Filename Type\n/dev/vda2 partition 1 2\n' };
    const files = { ...place('vda1', 0.1, 2.4), ...place('vda2', 2.5, 1), ...swap };
    const behind = await asked(t, { systems, disks, files });
    assert.match(
      behind?.unused ?? '',
      /because vda2 \(swap\) lies behind its partition vda1; make/,
    );

    const alone = { systems, disks: disks.slice(0, 2) };
    const short = await asked(t, { ...alone, files: place('vda1', 0.1, 2.4) });
    assert.match(
      short?.unused ?? '',
      /because its partition was not grown; .*: growpart \/dev\/vda 1; resize2fs \/dev\/vda1\.$/,
    );
    const inside = await asked(t, { ...alone, files: place('vda1', 0.1, 9.9) });
    assert.match(
      inside?.unused ?? '',
      /its file system was not grown; .*: resize2fs \/dev\/vda1\.$/,
    );
    const other = { ...alone, systems: [system('vda1', '/', 2.4, 'jfs')] };
    const fixed = await asked(t, { ...other, files: place('vda1', 0.1, 9.9) });
    assert.match(fixed?.unused ?? '', /the type jfs is not grown; make its image with ext4/);
  });

  it('is said to be on LVM or on another volume, with what to type', async (t) => {
    const systems = [system('dm-0', '/', 2.4), system('vda1', '/boot', 0.5)];
    const volume = disk('dm-0', ['vda2'], { alias: 'vg-root' });
    const disks = [disk('vda'), part('vda1', 'vda'), part('vda2', 'vda'), volume];
    const uuid = '/sys/class/block/dm-0/dm/uuid';
    const files = { ...place('vda1', 0, 0.5), ...place('vda2', 0.5, 2.5), [uuid]: 'LVM-x\n' };
    const lvm = await asked(t, { systems, disks, files });
    assert.equal(lvm?.device, 'vg-root');
    assert.match(
      lvm?.unused ?? '',
      /LVM .*: growpart \/dev\/vda 2; pvresize \/dev\/vda2; lvextend -r -l \+100%FREE \/dev\/mapper\/vg-root\.$/,
    );
    const whole = { ...files, ...place('vda2', 0.5, 9.5) };
    const grown = await asked(t, { systems, disks, files: whole });
    assert.match(grown?.unused ?? '', /type in the machine: pvresize \/dev\/vda2; lvextend/);
    const crypt = await asked(t, { systems, disks, files: { ...whole, [uuid]: 'CRYPT-LUKS2-x' } });
    assert.match(crypt?.unused ?? '', /it is on vg-root, a volume that no machine grows by itself/);
  });

  it('is told of a Windows, and of an agent that may not tell of disks', async (t) => {
    const windows = await asked(t, { systems: [system('\\\\?\\Volume{1}\\', 'C:\\', 3, 'NTFS')] });
    assert.deepEqual([windows?.device, windows?.type], ['C:', 'NTFS']);
    assert.match(windows?.unused ?? '', /Windows has not extended its volume/);
    const silent = await asked(t, { systems: [system('vda1', '/', 3)] });
    assert.match(silent?.unused ?? '', /its guest agent does not say why/);
    assert.equal(await asked(t, {}), null);
  });

  it('is not believed where a guest answers nonsense', async (t) => {
    for (const systems of [
      1,
      'x',
      [null, 1, {}],
      [system('vda1', '/', -1)],
      [system('../a', '/', 1)],
    ])
      assert.equal(await asked(t, { systems }), null);
    const many = Array.from({ length: 100_000 }, () => system('vda1', '/', 1));
    assert.equal(systemsIn(many).length, 128);
    assert.deepEqual(systemsIn([{ ...system('vda1', '/', 1), 'total-bytes': 2 ** 60 }]), []);
    assert.deepEqual(systemsIn([{ ...system('vda1', '/', 1), type: 'a; rm -rf /' }]), []);
    assert.deepEqual(devicesIn([{ name: '/dev/a b' }, { name: 5 }]), []);
    const circle = [disk('vda', ['vda1']), part('vda1', 'vda')];
    const root = await asked(t, { systems: [system('vda1', '/', 1)], disks: circle });
    assert.equal(root?.bytes, gib);
  });
});
