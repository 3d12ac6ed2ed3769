// Makes a base like a distribution's cloud image: Debian 12 with cloud-init, the guest agent, an
// SSH server, netplan and a snakeoil certificate. It is made once and cached. A variant without a
// part is a copy of the disk in which that part is disabled.

import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BootProfile } from '../../src/domain/boot.ts';
import { cached } from '../cached.ts';

const packages = [
  ...[
    'linux-image-cloud-amd64',
    'systemd-sysv',
    'udev',
    'kmod',
    'iproute2',
    'dbus',
    'initramfs-tools',
    'busybox',
  ],
  ...[
    'cloud-init',
    'netplan.io',
    'cloud-guest-utils',
    'openssh-server',
    'ssl-cert',
    'qemu-guest-agent',
  ],
];

const make = `set -euo pipefail
out=$1
work=$(mktemp -d "$out/work.XXXXXX")
if [ "$(id -u)" -eq 0 ]; then as_root=(); else as_root=(unshare --map-auto --map-root-user --); fi
trap '"\${as_root[@]}" rm -rf "$work"' EXIT
mmdebstrap --quiet --variant=minbase --format=tar --include=${packages.join(',')} \\
  --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "5"' --dpkgopt=force-unsafe-io \\
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \\
  --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$work/root.tar"
"\${as_root[@]}" bash -euo pipefail -c '
  mkdir "$1/root"
  tar -x -f "$1/root.tar" -C "$1/root" --numeric-owner --exclude="./dev/*"
  printf "LABEL=cloud / ext4 rw,noatime,x-systemd.growfs 0 1\\n" >"$1/root/etc/fstab"
  chroot "$1/root" passwd -q -d root
  chroot "$1/root" systemctl --quiet enable systemd-networkd
  cp "$1"/root/boot/vmlinuz-* "$2/vmlinuz"
  cp "$1"/root/boot/initrd.img-* "$2/initrd"
  truncate -s 2G "$1/disk.raw"
  mkfs.ext4 -q -F -L cloud -E lazy_itable_init=1,lazy_journal_init=1 -d "$1/root" "$1/disk.raw"
  qemu-img convert -f raw -O qcow2 "$1/disk.raw" "$2/disk.qcow2"
  chmod 0644 "$2"/*
' - "$work" "$out"
`;

export interface CloudBase {
  disk: string;
  kernel: string;
  initrd: string;
  boot: BootProfile;
}

const boot: BootProfile = {
  mode: 'direct',
  append: 'console=ttyS0 root=/dev/vda rw',
  buildAppend: null,
};

/** Runs commands of debugfs on a raw disk. */
export function debugfs(disk: string, commands: readonly string[]): void {
  execFileSync('debugfs', ['-w', '-f', '-', disk], {
    input: `${commands.join('\n')}\n`,
    stdio: 'pipe',
  });
}

/** Makes the base in a folder, with or without cloud-init and the guest agent. */
export async function cloudBase(
  folder: string,
  { cloudInit = true, agent = true }: { cloudInit?: boolean; agent?: boolean },
): Promise<CloudBase> {
  const made = await cached('cloud-base', make, 'making a base with cloud-init (minutes, once)');
  await mkdir(folder, { recursive: true });
  const file = (name: string) => join(folder, name);
  const disk = file('cloud.raw');
  execFileSync('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', join(made, 'disk.qcow2'), disk]);
  await writeFile(file('empty'), '');
  debugfs(disk, [
    ...(cloudInit ? [] : [`write ${file('empty')} /etc/cloud/cloud-init.disabled`]),
    ...(agent ? [] : ['symlink /etc/systemd/system/qemu-guest-agent.service /dev/null']),
  ]);
  for (const name of ['vmlinuz', 'initrd']) await copyFile(join(made, name), file(name));
  return { disk, kernel: file('vmlinuz'), initrd: file('initrd'), boot };
}
