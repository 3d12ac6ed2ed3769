// The hardware that a boot profile gives guests, on the wire.

import { Type } from 'typebox';
import { Enum } from './envelope.ts';

export const firmwares = ['bios', 'uefi', 'uefi-secure'] as const;

export const Firmware = Enum(
  firmwares,
  'The firmware that starts the loader on the disk; uefi-secure: only one that is signed. Default: the one that the disk is made for',
);
export const Tpm = Type.Boolean({ description: 'Whether its guests have a TPM 2.0' });
export const StateCopy = Enum(
  ['none', 'variables', 'all'],
  'The firmware state of an image of which a fresh disk gets a copy: none, the variables of UEFI, or that of the TPM too. Default: variables',
);
export const Board = Type.String({
  pattern: '^[a-z0-9][a-z0-9.-]{0,39}$',
  description: 'The versioned board that QEMU emulates. Default: the newest of the host',
});
