// QEMU's command line: a minimal set of devices, a sandbox, and nothing of a caller's text.

import type { ChainBoot } from '../port.ts';
import type { Host } from './host.ts';
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
}

/**
 * First serial port: the console, kept in a bounded ring. Second: the result channel, to the server's pipe in a build and kept in a
 * ring in a machine. The guest agent and the monitor have sockets in the process's folder.
 */
export function qemuArgs(guest: Guest, host: Host, paths: Paths): string[] {
  const { boot, build } = guest;
  const direct =
    boot.mode === 'direct'
      ? [
          ...['-kernel', paths.fromGuest(paths.kernel(guest.baseLayerId))],
          ...['-initrd', paths.fromGuest(paths.initrd(guest.baseLayerId))],
          ...['-append', build && boot.buildAppend ? `${boot.append} ${boot.buildAppend}` : boot.append],
        ]
      : [];
  return [
    ...['-name', `guest=${guest.name}`],
    ...['-nodefaults', '-no-user-config'],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...['-machine', `q35,accel=${host.accel}`, '-cpu', host.accel === 'kvm' ? 'host' : 'max'],
    ...['-smp', String(guest.cpus), '-m', String(guest.memoryMb)],
    ...['-display', 'none', '-vga', 'none'],
    // A full host pauses a machine rather than show its guest a broken disk.
    ...['-drive', `file=${guest.disk},format=qcow2,if=none,id=disk,discard=unmap,werror=enospc,rerror=report`],
    ...['-device', 'virtio-blk-pci,drive=disk,bootindex=1'],
    ...['-drive', `file=${guest.seed},format=raw,if=none,id=seed,readonly=on`],
    ...['-device', 'virtio-blk-pci,drive=seed'],
    ...['-device', 'virtio-rng-pci'],
    ...['-chardev', 'ringbuf,id=console,size=65536', '-serial', 'chardev:console'],
    ...['-chardev', build ? 'stdio,id=result,signal=off' : 'ringbuf,id=result,size=4096', '-serial', 'chardev:result'],
    ...['-qmp', 'unix:qmp.sock,server=on,wait=off'],
    ...(build
      ? ['-no-reboot']
      : [
          ...['-device', 'virtio-serial-pci', '-chardev', 'socket,path=agent.sock,server=on,wait=off,id=agent'],
          ...['-device', 'virtserialport,chardev=agent,name=org.qemu.guest_agent.0'],
        ]),
    ...(guest.network ? ['-nic', 'user,model=virtio-net-pci'] : ['-nic', 'none']),
    ...direct,
  ];
}
