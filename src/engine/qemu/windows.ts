// The hardware that Windows has beside that of all guests: what QEMU's documentation and libvirt
// advise for it (docs/system/i386/hyperv.rst of QEMU). A base is of Windows when its recipes run in
// PowerShell.

import type { BootProfile } from '../../domain/boot.ts';

const isWindows = ({ agentShell }: BootProfile): boolean => agentShell === 'powershell';

/**
 * By these Windows knows that it is a guest: it spins less, and asks the host for the time and for
 * timers. Each needs no more than a kernel of 5.0, and those that follow need those before them.
 */
const enlightenments = [
  ...['relaxed', 'vapic', 'spinlocks=0x1fff', 'vpindex', 'runtime', 'time'],
  ...['synic', 'stimer', 'frequencies', 'tlbflush', 'ipi'],
].map((name) => `hv-${name}`);

export const enlightenmentsOf = (boot: BootProfile): readonly string[] =>
  isWindows(boot) ? enlightenments : [];

/**
 * Windows takes the clock of its board for local time, loses ticks while it is not run, and wakes
 * often for a timer of the board that it needs not.
 */
export const clockArgs = (boot: BootProfile): string[] =>
  isWindows(boot) ? ['-rtc', 'base=localtime,driftfix=slew', '-machine', 'hpet=off'] : [];
