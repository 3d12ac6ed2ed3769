// Makes a base that boots in three seconds under emulation: the demo base's kernel with our own
// init, which starts no other service. In a build it runs the recipe, which may write to the raw
// disk. In a machine it reports ready, with the id of its instance.

import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { BootProfile } from '../../src/domain/boot.ts';
import { demoBase } from '../demo-base.ts';

const mib = 1024 ** 2;

/** Scripts that a machine runs after its boot; `B` is busybox. */
export const guests = {
  ready: 'say_ready',
  silent: 'echo stuck here >/dev/ttyS0',
  /** Says why, and goes off when its console was surely read. */
  dies: 'echo no disk for me >/dev/ttyS0; $B sleep 8; $B poweroff -f',
  floods: 'while :; do $B cat /bin/busybox >/dev/ttyS1; $B cat /bin/busybox >/dev/ttyS0; done',
  /** Writes until the disk is full, then reports it. */
  writes:
    'say_ready; $B dd if=/dev/urandom of=/dev/vda bs=1M seek=64 count=64; $B sync; echo wrote-all >/dev/ttyS1',
  /**
   * On the demo base's disk, or with it in a partition: has its guest agent, and the driver of the
   * panic device.
   */
  lives: `$B mkdir -p /disk
root=/dev/vda
[ ! -b /dev/vda1 ] || root=/dev/vda1
$B mount -t ext4 -o rw $root /disk
for name in virtio_console pvpanic pvpanic-mmio; do
  $B insmod $($B find /disk/lib/modules -name $name.ko)
done
$B mount -t devtmpfs devtmpfs /disk/dev
$B mount -t proc proc /disk/proc
$B mount -t sysfs sysfs /disk/sys
$B mount -t tmpfs tmpfs /disk/run
port=$($B grep -l guest_agent /sys/class/virtio-ports/*/name)
port=\${port%/name}
$B chroot /disk /usr/sbin/qemu-ga -p /dev/\${port##*/} &
# By this the agent powers off; the program of the demo base needs systemd, which does not run.
# Other names of the same program do nothing.
echo '#!/bin/sh
case $0 in *shutdown) echo o >/proc/sysrq-trigger ;; esac' >/disk/run/power-off
$B chmod 755 /disk/run/power-off
$B mount --bind /disk/run/power-off /disk/usr/bin/systemctl
while ! $B ls -l /proc/[0-9]*/fd 2>/dev/null | $B grep -q /dev/vport; do $B sleep 0.2; done
say_ready`,
} as const;

const init = (machine: string) => `#!/bin/busybox sh
B=/bin/busybox
export PATH=/bin
$B mkdir -p /proc /sys /dev /seed
$B mount -t proc proc /proc
$B mount -t sysfs sysfs /sys
$B mount -t devtmpfs devtmpfs /dev
while read -r module; do $B insmod "/modules/$module"; done </modules/order
$B stty -F /dev/ttyS1 raw -echo
$B mount -t iso9660 -o ro /dev/vdb /seed
say_ready() { $B sed -n 's/^instance-id: */silversmith-ready /p' /seed/meta-data >/dev/ttyS1; }
# Only the seed of a build has a recipe. One for the guest agent has a label of its own.
case "$($B dd if=/dev/vdb bs=8 skip=4101 count=4 2>/dev/null) $($B ls /seed)" in
cidata*recipe*)
  cd /seed/files
  $B sh /seed/recipe >/dev/ttyS1 2>&1
  code=$?
  $B sync
  token=$($B sed -n 's/.*silversmith-exit \\([0-9a-f]*\\) .*/\\1/p' /seed/user-data)
  $B printf '\\n\\036silversmith-exit %s %s\\n' $token $code >/dev/ttyS1
  ;;
*)
  ${machine}
  while :; do $B sleep 60; done
  ;;
esac
$B poweroff -f
`;

/** The first sector of a quick disk's partition, and its length in sectors. */
const partition = { start: 2048, sectors: 48 * 2048 };

/**
 * Makes a standalone disk that boots by its firmware: GRUB, and a partition with the quick base's
 * kernel and initrd.
 */
export async function quickDisk(folder: string): Promise<string> {
  const base = await quickBase(folder);
  const [tree, inside, disk] = [
    join(folder, 'tree'),
    join(folder, 'partition.raw'),
    join(folder, 'quick-disk.raw'),
  ];
  const run = (file: string, ...args: string[]) =>
    execFileSync(file, args, { cwd: folder, stdio: 'pipe' });
  await mkdir(tree, { recursive: true });
  await copyFile(base.kernel, join(tree, 'kernel'));
  await copyFile(base.initrd, join(tree, 'initrd'));
  await writeFile(inside, '');
  await truncate(inside, partition.sectors * 512);
  run('mke2fs', '-q', '-F', '-t', 'ext2', '-d', tree, inside);
  await writeFile(
    join(folder, 'grub.cfg'),
    'set root=(hd0,msdos1)\nlinux /kernel quiet console=ttyS0 no_timer_check\ninitrd /initrd\nboot\n',
  );
  const modules = ['biosdisk', 'part_msdos', 'ext2', 'linux', 'normal'];
  run('grub-mkimage', '-O', 'i386-pc', '-c', 'grub.cfg', '-p', '/', '-o', 'core.img', ...modules);
  await writeFile(disk, '');
  await truncate(disk, (partition.start + partition.sectors) * 512);
  run('dd', 'if=/usr/lib/grub/i386-pc/boot.img', `of=${disk}`, 'bs=440', 'count=1', 'conv=notrunc');
  run('dd', 'if=core.img', `of=${disk}`, 'bs=512', 'seek=1', 'conv=notrunc');
  run(
    'dd',
    `if=${inside}`,
    `of=${disk}`,
    'bs=512',
    `seek=${partition.start}`,
    'conv=notrunc,sparse',
  );
  await writeTable(disk, 0x83);
  return disk;
}

/** The loaders of Debian that secure boot starts: the first one starts the second. */
export const signedLoaders = {
  shim: '/usr/lib/shim/shimx64.efi.signed',
  grub: '/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed',
} as const;

/**
 * Makes a standalone disk that boots by UEFI alone: a FAT partition with GRUB, kernel and initrd.
 * GRUB is made here and signed by nobody, or `signed`: Debian's.
 */
export async function quickUefiDisk(
  folder: string,
  machine: string = guests.ready,
  { signed = false } = {},
): Promise<string> {
  const base = await quickBase(folder, machine);
  const [inside, disk] = [join(folder, 'esp.raw'), join(folder, 'quick-uefi.raw')];
  const run = (file: string, ...args: string[]) =>
    execFileSync(file, args, { cwd: folder, stdio: 'pipe' });
  await writeFile(
    join(folder, 'grub.cfg'),
    'search --file --set=root /kernel\nlinux /kernel quiet console=ttyS0 no_timer_check\ninitrd /initrd\nboot\n',
  );
  const modules = ['part_msdos', 'fat', 'search', 'search_fs_file', 'linux', 'normal'];
  const made = ['-O', 'x86_64-efi', '-c', 'grub.cfg', '-p', '/', '-o', 'loader.efi'];
  if (!signed) run('grub-mkimage', ...made, ...modules);
  await writeFile(inside, '');
  await truncate(inside, partition.sectors * 512);
  run('mformat', '-i', inside, '::');
  run('mmd', '-i', inside, '::/EFI', '::/EFI/BOOT', '::/EFI/debian');
  const loaders: [from: string, to: string][] = signed
    ? [
        [signedLoaders.shim, 'EFI/BOOT/BOOTX64.EFI'],
        [signedLoaders.grub, 'EFI/BOOT/grubx64.efi'],
        ['grub.cfg', 'EFI/debian/grub.cfg'],
      ]
    : [['loader.efi', 'EFI/BOOT/BOOTX64.EFI']];
  for (const [from, to] of [...loaders, [base.kernel, 'kernel'], [base.initrd, 'initrd']] as const)
    run('mcopy', '-i', inside, from, `::/${to}`);
  await writeFile(disk, '');
  await truncate(disk, (partition.start + partition.sectors) * 512);
  const seek = `seek=${partition.start}`;
  run('dd', `if=${inside}`, `of=${disk}`, 'bs=512', seek, 'conv=notrunc,sparse');
  await writeTable(disk, 0xef);
  return disk;
}

/**
 * Makes the base of machines that can become templates: the demo base's file system lies in a
 * partition, behind 64 MiB that belong to nobody, so that a test may write there.
 */
export async function quickAgentBase(folder: string): Promise<QuickBase> {
  const demo = await livingBase(folder);
  const [inside, disk] = [join(folder, 'inside.raw'), join(folder, 'quick-agent.raw')];
  execFileSync('qemu-img', ['convert', '-O', 'raw', demo.disk, inside]);
  const { size } = await stat(inside);
  const start = 64 * mib;
  const to = [`of=${disk}`, 'bs=1M', `seek=${start / mib}`, 'conv=notrunc,sparse'];
  execFileSync('dd', [`if=${inside}`, ...to], { stdio: 'pipe' });
  await rm(inside);
  await truncate(disk, start + size);
  await writeTable(disk, 0x83, { start: start / 512, sectors: size / 512 });
  return { ...demo, disk };
}

/** Writes a partition table with the one partition into the first sector. */
async function writeTable(
  disk: string,
  type: number,
  { start, sectors } = partition,
): Promise<void> {
  const entry = Buffer.alloc(66);
  entry[0] = 0x80;
  entry[4] = type;
  entry.writeUInt32LE(start, 8);
  entry.writeUInt32LE(sectors, 12);
  entry.writeUInt16BE(0x55aa, 64);
  const handle = await open(disk, 'r+');
  await handle.write(entry, 0, entry.length, 446);
  await handle.close();
}

export interface QuickBase {
  disk: string;
  kernel: string;
  initrd: string;
  boot: BootProfile;
}

/** Writes the base's files into a folder. */
export async function quickBase(
  folder: string,
  machine: string = guests.ready,
  { mark = 0 }: { mark?: number } = {},
): Promise<QuickBase> {
  const demo = await demoBase();
  const root = join(folder, 'quick-root');
  await mkdir(root, { recursive: true });
  await writeFile(join(root, 'init'), init(machine), { mode: 0o755 });
  // The kernel unpacks the archives in order, so the second archive's init replaces the first's.
  const archive = execFileSync('cpio', ['--quiet', '-o', '-H', 'newc'], {
    cwd: root,
    input: 'init\n',
  });
  const files = {
    disk: join(folder, 'quick.raw'),
    kernel: join(folder, 'vmlinuz'),
    initrd: join(folder, 'initrd'),
  };
  await writeFile(files.initrd, Buffer.concat([await readFile(demo.initrd), gzipSync(archive)]));
  await copyFile(demo.kernel, files.kernel);
  if (machine === guests.lives) files.disk = demo.disk;
  else {
    const disk = Buffer.alloc(2 * mib);
    disk.writeUInt16BE(0x55aa, 510);
    disk[mib] = mark;
    await writeFile(files.disk, disk);
  }
  return {
    ...files,
    boot: {
      mode: 'direct',
      append: 'console=ttyS0 quiet no_timer_check',
      buildAppend: 'silversmith.build',
    },
  };
}

/** Its machines have the guest agent and the programs of the demo base, and no systemd. */
export const livingBase = (folder: string): Promise<QuickBase> => quickBase(folder, guests.lives);
