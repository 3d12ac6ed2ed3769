// Says why the root file system of a machine does not have the whole of its disk, and what to do.

import { gib } from '../../lib/gib.ts';

/** The layout of the disk, as far as the guest tells it. Names are those of the guest's devices. */
export interface RootLayout {
  kind: 'windows' | 'linux';
  type: string;
  /** The device of the file system; for LVM, its name below `/dev/mapper`. */
  device: string;
  bytes: number;
  diskBytes: number;
  /** The kind of device that holds the file system; null when that is not known. */
  holder: 'disk' | 'partition' | 'lvm' | 'mapped' | null;
  disk: string;
  /** That of the file system, or of the volume below it; null where there is none. */
  partition: { name: string; endBytes: number } | null;
  /** The next one behind it; null when nothing lies there. */
  behind: { name: string; isSwap: boolean } | null;
}

/** Less than this is left by partitions that begin and end where disks like it. */
const slackBytes = 16 * 1024 ** 2;
const muchBytes = 512 * 1024 ** 2;
const muchShare = 0.2;

/** Whether so much of a disk is unused that it should be said. */
export const isMuch = (unusedBytes: number, diskBytes: number): boolean =>
  unusedBytes >= Math.max(muchBytes, diskBytes * muchShare);

/** The sentence for a root that leaves much of its disk unused. */
export const unusedAdvice = (layout: RootLayout): string =>
  `Its root file system has ${gib(layout.bytes)} of the ${gib(layout.diskBytes)} of its disk, ${because(layout)}.`;

function because(layout: RootLayout): string {
  const { kind, holder, partition, behind, diskBytes, disk } = layout;
  if (kind === 'windows')
    return 'because Windows has not extended its volume; extend it in Disk Management or by Resize-Partition';
  if (holder === null)
    return 'and its guest agent does not say why; look with lsblk in the machine, and grow the partition and the file system there';
  const isGrown = partition === null || diskBytes - partition.endBytes < slackBytes;
  if (behind !== null && partition !== null && !isGrown) {
    const what = behind.isSwap ? `${behind.name} (swap)` : behind.name;
    return `because ${what} lies behind its partition ${partition.name}; make an image whose root is the last partition (and swap a file in it)`;
  }
  const number = partition === null ? null : /[0-9]+$/.exec(partition.name)?.[0];
  const grow = isGrown || number == null ? [] : [`growpart /dev/${disk} ${number}`];
  if (holder === 'mapped')
    return `because it is on ${layout.device}, a volume that no machine grows by itself; grow what lies below it, the volume and the file system in the machine`;
  if (holder === 'lvm') {
    const volume = partition?.name ?? disk;
    const commands = [
      ...grow,
      `pvresize /dev/${volume}`,
      `lvextend -r -l +100%FREE /dev/mapper/${layout.device}`,
    ];
    return `because it is a volume of LVM that was not extended; type in the machine: ${commands.join('; ')}`;
  }
  const command = growSystem(layout);
  if (grow.length > 0)
    return `because its partition was not grown; let its image have growpart (cloud-guest-utils) or sfdisk, or type in the machine: ${[...grow, ...command].join('; ')}`;
  if (command.length === 0)
    return `because a file system of the type ${layout.type} is not grown; make its image with ext4, XFS or btrfs`;
  return `because its file system was not grown; type in the machine: ${command.join('; ')}`;
}

function growSystem({ type, device }: RootLayout): string[] {
  if (/^ext[234]$/.test(type)) return [`resize2fs /dev/${device}`];
  if (type === 'xfs') return ['xfs_growfs /'];
  return type === 'btrfs' ? ['btrfs filesystem resize max /'] : [];
}
