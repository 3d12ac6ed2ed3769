// QEMU's command line: a minimal set of devices, a sandbox, and nothing of a caller's text.

import type { Boot } from '../../domain/layer.ts';
import type { ChainBoot } from '../port/layers.ts';
import type { Host } from './host.ts';
import { earlyLines, type Hardware, type Identity } from './identity.ts';
import type { Paths } from './paths.ts';

export interface Guest extends ChainBoot {
  name: string;
  /** Relative to the process's folder. */
  disk: string;
  seed: string;
  cpus: number;
  memoryMb: number;
  build: boolean;
  network: boolean;
  /** Of a machine; a build machine is nobody. */
  hardware?: Hardware;
  /** Of a machine on a fresh disk. */
  fresh?: Identity;
}

/**
 * First serial port: the console, kept in a bounded ring. Second: the result channel, to the
 * server's pipe in a build and kept in a ring in a machine. The guest agent and the monitor have
 * sockets in the process's folder.
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
    ...[
      '-machine',
      `q35,accel=${host.accel},graphics=off`,
      '-cpu',
      host.accel === 'kvm' ? 'host' : 'max',
    ],
    ...['-smp', String(guest.cpus), '-m', String(guest.memoryMb)],
    // Without graphics the firmware too speaks on the first serial port: it says when it finds no
    // boot sector.
    ...['-display', 'none', '-vga', 'none'],
    // A full host pauses a machine rather than show its guest a broken disk.
    ...[
      '-drive',
      `file=${guest.disk},format=qcow2,if=none,id=disk,discard=unmap,detect-zeroes=unmap,werror=enospc,rerror=report`,
    ],
    ...['-device', 'virtio-blk-pci,drive=disk,bootindex=1'],
    ...['-drive', `file=${guest.seed},format=raw,if=none,id=seed,readonly=on`],
    ...['-device', 'virtio-blk-pci,drive=seed'],
    ...['-device', 'virtio-rng-pci'],
    // A guest that goes on from a copy's state draws other random numbers.
    ...['-device', 'vmgenid,guid=auto'],
    ...(hardware ? ['-uuid', hardware.uuid] : []),
    ...(fresh
      ? [
          '-smbios',
          `type=11,value=io.systemd.credential.binary:tmpfiles.extra=${base64(earlyLines(fresh))}`,
        ]
      : []),
    ...['-chardev', 'ringbuf,id=console,size=65536', '-serial', 'chardev:console'],
    ...[
      '-chardev',
      build ? 'stdio,id=result,signal=off' : 'ringbuf,id=result,size=4096',
      '-serial',
      'chardev:result',
    ],
    ...['-qmp', 'unix:qmp.sock,server=on,wait=off'],
    ...(build
      ? ['-no-reboot']
      : [
          ...[
            '-device',
            'virtio-serial-pci',
            '-chardev',
            'socket,path=agent.sock,server=on,wait=off,id=agent',
          ],
          ...['-device', 'virtserialport,chardev=agent,name=org.qemu.guest_agent.0'],
        ]),
    ...[
      '-nic',
      guest.network
        ? `user,id=${card},model=virtio-net-pci${hardware ? `,mac=${hardware.mac}` : ''}`
        : 'none',
    ],
    // Its card is unplugged first; see newcomer.ts.
    ...(guest.network && fresh ? ['-S'] : []),
    ...direct,
  ];
}

/** By which the monitor names the card. */
export const card = 'net';

const base64 = (text: string) => Buffer.from(text).toString('base64');

function appendOf(
  { build, fresh }: Guest,
  { append, buildAppend }: Extract<Boot, { mode: 'direct' }>,
): string {
  const more = build ? buildAppend : fresh && `systemd.machine_id=${fresh.machineId}`;
  return more ? `${append} ${more}` : append;
}
