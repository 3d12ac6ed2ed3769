// Makes QEMU's command line: a minimal set of devices and a sandbox. No text of a caller is in it.

import type { BootProfile } from '../../domain/boot.ts';
import { earlyLines, type Hardware, type Identity } from '../identity.ts';
import type { ChainBoot } from '../port/layers.ts';
import { buildCardArgs, type Card, cardArgs } from './card.ts';
import { orderPort } from './clone-script.ts';
import { displayArgs } from './display.ts';
import { boardOf, firmwareArgs } from './firmware.ts';
import type { Host } from './host.ts';
import { type MemoryKind, memoryArgs } from './memory.ts';
import type { Paths } from './paths.ts';
import { processorOf } from './processor.ts';
import { ringArg } from './ring.ts';
import { resultPort } from './seed.ts';
import { vitalsArgs } from './vitals.ts';
import { clockArgs } from './windows.ts';

export interface Guest extends ChainBoot {
  name: string;
  /** Relative to the process's folder. */
  disk: string;
  seed: string;
  /** The file of the variables of UEFI; it need not exist for another firmware. */
  variables: string;
  cpus: number;
  memoryMb: number;
  memory: MemoryKind;
  build: boolean;
  card: Card | null;
  /** Of a machine. A build machine has no identity. */
  hardware?: Hardware;
  /** Of a machine on a fresh disk. */
  fresh?: Identity;
}

/**
 * The first serial port is the console, kept in a bounded ring. The second is the result channel:
 * it goes to the server's pipe in a build, and is kept in a ring in a machine. The guest agent and
 * the monitor have sockets in the process's folder.
 */
export function qemuArgs(guest: Guest, host: Host, paths: Paths): string[] {
  const { boot, build, hardware, fresh } = guest;
  const direct =
    boot.mode === 'direct'
      ? [
          ...['-kernel', paths.fromGuest(paths.kernel(guest.baseLayerId))],
          ...['-initrd', paths.fromGuest(paths.initrd(guest.baseLayerId))],
          ...['-append', appendOf(guest, boot)],
        ]
      : [];
  return [
    ...['-name', `guest=${guest.name}`],
    ...['-nodefaults', '-no-user-config'],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...['-machine', `${boardOf(boot)},accel=${host.accel},graphics=off`],
    ...['-cpu', processorOf(boot, host)],
    ...clockArgs(boot),
    ...['-smp', String(guest.cpus)],
    ...memoryArgs(guest.memoryMb, guest.memory),
    // Without graphics the firmware speaks on the first serial port too: it says when it finds no
    // boot sector.
    ...['-display', 'none', '-vga', 'none'],
    // It names its slot, so it comes before devices that take the next one.
    ...(build ? buildCardArgs(guest.card) : cardArgs(guest.card)),
    ...firmwareArgs(guest),
    ...driveArgs(guest),
    ...['-device', 'virtio-rng-pci'],
    // The guest learns from it that its disk is a copy, and draws other random numbers.
    ...['-device', 'vmgenid,guid=auto'],
    ...(hardware ? ['-uuid', hardware.uuid] : []),
    ...(fresh ? ['-smbios', `type=11,value=${earlyCredential}=${base64(earlyLines(fresh))}`] : []),
    ...channelArgs(build),
    ...(guest.memory === 'own' ? [] : orderArgs),
    ...(build ? [] : displayArgs(boot)),
    // The card of a fresh machine is unplugged before the guest begins; see newcomer.ts.
    ...(guest.card && fresh ? ['-S'] : []),
    ...direct,
    ...(build ? [] : vitalsArgs),
  ];
}

/** systemd takes the lines of tmpfiles.d from it. */
const earlyCredential = 'io.systemd.credential.binary:tmpfiles.extra';

/**
 * A full host pauses a machine, because its guest must not see a broken disk. The cache is QEMU's
 * default on every file system: layers stay in the page cache, which machines share, and nothing
 * that was measured is faster (docs/adr/0043-disks-of-machines.md).
 */
const diskOptions = 'discard=unmap,detect-zeroes=unmap,werror=enospc,rerror=report';

const driveArgs = ({ disk, seed }: Guest): string[] => [
  ...['-drive', `file=${disk},format=qcow2,if=none,id=disk,${diskOptions}`],
  ...['-device', 'virtio-blk-pci,drive=disk,bootindex=1'],
  ...['-drive', `file=${seed},format=raw,if=none,id=seed,readonly=on`],
  ...['-device', 'virtio-blk-pci,drive=seed'],
];

const agentArgs = [
  ...['-device', 'virtio-serial-pci'],
  ...['-chardev', 'socket,path=agent.sock,server=on,wait=off,id=agent'],
  ...['-device', 'virtserialport,chardev=agent,name=org.qemu.guest_agent.0'],
];

const channelArgs = (build: boolean): string[] => [
  ...['-chardev', ringArg('console'), '-serial', 'chardev:console'],
  ...['-chardev', build ? 'stdio,id=result,signal=off' : ringArg('result')],
  ...['-serial', 'chardev:result'],
  ...['-qmp', 'unix:qmp.sock,server=on,wait=off'],
  ...(build ? buildArgs : agentArgs),
];

/** Comes after the devices of the agent, whose bus it is on. */
const orderArgs = [
  ...['-chardev', 'socket,path=orders.sock,server=on,wait=off,id=orders'],
  ...['-device', `virtserialport,chardev=orders,name=${orderPort}`],
];

/** The descriptor on which QEMU gets the fast result channel of a build: a socket. */
export const resultFd = 3;

/** A build has a second result channel, and a device by which its kernel reports a panic. */
const buildArgs = [
  '-no-reboot',
  ...['-device', 'virtio-serial-pci'],
  ...['-chardev', `socket,fd=${resultFd},id=fast`],
  ...['-device', `virtserialport,chardev=fast,name=${resultPort}`],
  ...['-device', 'pvpanic'],
];

const base64 = (text: string) => Buffer.from(text).toString('base64');

function appendOf(
  { build, fresh }: Guest,
  { append, buildAppend }: Extract<BootProfile, { mode: 'direct' }>,
): string {
  const more = build ? buildAppend : fresh && `systemd.machine_id=${fresh.machineId}`;
  return more ? `${append} ${more}` : append;
}
