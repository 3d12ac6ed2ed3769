// Makes bases whose root systems are laid out as those of distributions: ext4, XFS or btrfs in the
// last partition, ext4 on LVM, and ext4 with swap behind it. All hold the same Debian 12, which is
// made once and cached. Only root can make them, because the files are copied to mounted disks.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { BootProfile } from '../../src/domain/boot.ts';
import { cached } from '../cached.ts';

export const layouts = ['ext4', 'xfs', 'btrfs', 'lvm', 'swap', 'bare'] as const;
export type Layout = (typeof layouts)[number];

const packages = [
  ...['linux-image-cloud-amd64', 'systemd-sysv', 'udev', 'kmod', 'iproute2', 'dbus'],
  ...['initramfs-tools', 'busybox', 'qemu-guest-agent', 'cloud-init', 'cloud-guest-utils'],
  ...['fdisk', 'e2fsprogs', 'xfsprogs', 'btrfs-progs', 'lvm2'],
];

const makeTree = `set -euo pipefail
out=$1
mmdebstrap --quiet --variant=minbase --format=tar --include=${packages.join(',')} \\
  --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "5"' --dpkgopt=force-unsafe-io \\
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \\
  --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$out/root.tar"
mkdir "$out/tree"
trap 'rm -rf "$out/tree"' EXIT
tar -x -f "$out/root.tar" -C "$out/tree" --numeric-owner --exclude="./dev/*"
chroot "$out/tree" passwd -q -d root
chroot "$out/tree" systemctl --quiet enable systemd-networkd
cp "$out"/tree/boot/vmlinuz-* "$out/vmlinuz"
cp "$out"/tree/boot/initrd.img-* "$out/initrd"
tar -c -f "$out/root.tar" -C "$out/tree" --numeric-owner .
chmod 0644 "$out/vmlinuz" "$out/initrd" "$out/root.tar"
`;

/** Its arguments are the folder of the tree, an empty folder, and the layout. */
const makeDisk = `set -euo pipefail
made=$1 out=$2 layout=$3
work=$(mktemp -d "$out/work.XXXXXX")
tree=$work/tree
loop=
clean() {
  umount -q "$work/at" || true
  [ -z "$loop" ] || losetup -d "$loop" || true
  rm -rf --one-file-system "$work"
}
trap clean EXIT
mkdir "$tree" "$work/at"
tar -x -f "$made/root.tar" -C "$tree" --numeric-owner
kind=$layout
case $layout in lvm | swap | bare) kind=ext4 ;; esac
echo "LABEL=grown / $kind rw,noatime 0 0" >"$tree/etc/fstab"
part=$work/part.raw
truncate -s 1536M "$part"
inside=$part
if [ $layout = lvm ]; then
  # The host may have no device mapper, so the volume is made without being active.
  loop=$(losetup -f --show "$part")
  quietly='devices{use_devicesfile=0} activation{udev_sync=0 udev_rules=0} backup{backup=0 archive=0}'
  with_lvm() { lvm "$@" --driverloaded n --config "$quietly" 2>/dev/null; }
  with_lvm pvcreate -q "$loop" >/dev/null
  with_lvm vgcreate -q vg-of-root "$loop" >/dev/null
  with_lvm lvcreate -q -an -Zn -Wn -l 100%FREE -n root vg-of-root >/dev/null
  begin=$(with_lvm pvs --noheadings --nosuffix --units b -o pe_start "$loop" | tr -d ' ')
  bytes=$(with_lvm lvs --noheadings --nosuffix --units b -o lv_size vg-of-root/root | tr -d ' ')
  losetup -d "$loop"
  loop=
  inside=$work/inside.raw
  truncate -s "$bytes" "$inside"
fi
case $kind in
ext4) mkfs.ext4 -q -F -L grown -d "$tree" "$inside" ;;
btrfs) mkfs.btrfs -q -L grown -r "$tree" "$inside" ;;
xfs)
  mkfs.xfs -q -L grown "$inside"
  mount -o loop "$inside" "$work/at"
  cp -a "$tree/." "$work/at/"
  umount "$work/at"
  ;;
esac
if [ $layout = lvm ]; then
  dd if="$inside" of="$part" bs=1M oflag=seek_bytes seek="$begin" conv=notrunc,sparse status=none
fi
disk=$work/disk.raw
if [ $layout = bare ]; then
  mv "$part" "$disk"
else
  truncate -s 1792M "$disk"
  type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
  [ $layout != lvm ] || type=E6D6D379-F507-44C2-A23C-238F2A3DF928
  { echo 'label: gpt'
    echo "start=2048, size=3145728, type=$type"
    [ $layout != swap ] || echo 'start=3147776, size=262144, type=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F'
  } | sfdisk -q "$disk"
  dd if="$part" of="$disk" bs=1M seek=1 conv=notrunc,sparse status=none
fi
qemu-img convert -f raw -O qcow2 "$disk" "$out/disk.qcow2"
chmod 0644 "$out/disk.qcow2"
`;

/** The root of each layout, as the kernel is told it. */
const rootOf = (layout: Layout): string =>
  layout === 'lvm' ? '/dev/mapper/vg--of--root-root' : 'LABEL=grown';

/**
 * Makes the base of a layout in a folder. `cloudInit`: else the guest agent alone reads no seed.
 */
export async function growthBase(
  folder: string,
  layout: Layout,
  { cloudInit }: { cloudInit: boolean },
) {
  const made = await cached('growth-tree', makeTree, 'making a Debian for roots (minutes, once)');
  execFileSync('bash', ['-c', makeDisk, 'bash', made, folder, layout], { stdio: 'pipe' });
  const more = cloudInit ? '' : ' cloud-init=disabled';
  const boot: BootProfile = {
    mode: 'direct',
    append: `console=ttyS0 root=${rootOf(layout)} rw no_timer_check${more}`,
    buildAppend: null,
  };
  const file = (name: string) => join(made, name);
  return {
    disk: join(folder, 'disk.qcow2'),
    kernel: file('vmlinuz'),
    initrd: file('initrd'),
    boot,
  };
}
