// The display of a machine, its pointer, and the socket on which a server sees them. Builds have
// none.

import type { BootProfile } from '../../domain/boot.ts';

/** The socket of the screen, in the folder of the guest's sockets. */
export const screenSocket = 'screen.sock';

/** In high slots, so that the other devices keep the places by which guests name them. */
const [displaySlot, pointerSlot] = ['0x1c', '0x1b'];

/**
 * The display is a standard VGA, which each firmware, boot loader and system draws on without a
 * driver of its own; or a virtio one, where the root says that its system has the driver. The
 * pointer tells places instead of movements, so that it is where the viewer points. The keyboard is
 * the PS/2 one of the machine: a USB keyboard would take the keys from a guest without a driver for
 * it, such as Debian's cloud kernel.
 */
export function displayArgs({ display = 'std' }: BootProfile): string[] {
  return [
    ...['-device', `${display === 'virtio' ? 'virtio-vga' : 'VGA'},id=display,addr=${displaySlot}`],
    ...(display === 'virtio'
      ? ['-device', `virtio-tablet-pci,addr=${pointerSlot}`]
      : ['-device', `qemu-xhci,id=usb,addr=${pointerSlot}`, '-device', 'usb-tablet,bus=usb.0']),
    // No viewer can shut out the others.
    ...['-vnc', `unix:${screenSocket},share=force-shared`],
  ];
}
