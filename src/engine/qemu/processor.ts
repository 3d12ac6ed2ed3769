// The processor that a guest sees.

import type { BootProfile } from '../../domain/boot.ts';
import type { Host } from './host.ts';
import { enlightenmentsOf } from './windows.ts';

/**
 * Under emulation. A guest that is told that `rep stosb` and `rep movsb` are fast clears and copies
 * its pages by them, which QEMU emulates byte by byte (ADR 46).
 */
const emulated = 'max,-erms,-fsrm';

/** KVM alone has the enlightenments; emulation refuses most of them. */
export const processorOf = (boot: BootProfile, { accel }: Pick<Host, 'accel'>): string =>
  accel === 'tcg' ? emulated : ['host', ...enlightenmentsOf(boot)].join(',');
