// The firmware and the board of guests: which files and packages of the host a boot profile needs,
// and QEMU's arguments for them. Their state is in firmware-state.ts.

import { type BootProfile, isUefi } from '../../domain/boot.ts';
import { AppError } from '../../domain/error.ts';
import { exists } from '../../lib/files.ts';
import { locate } from './confine.ts';
import type { Host } from './host.ts';

/** Where Debian's package has the firmware. */
const ovmf = '/usr/share/OVMF';
const filesOf = ({ mode }: BootProfile) =>
  mode === 'uefi-secure'
    ? { code: `${ovmf}/OVMF_CODE_4M.secboot.fd`, variables: `${ovmf}/OVMF_VARS_4M.ms.fd` }
    : { code: `${ovmf}/OVMF_CODE_4M.fd`, variables: `${ovmf}/OVMF_VARS_4M.fd` };

/** The variables of a machine that was never on. */
export const newVariables = (boot: BootProfile): string => filesOf(boot).variables;

/** Bytes of the variables of every machine; the firmware takes no others. */
export const variablesBytes = 540_672;

/**
 * Returns why this host cannot give guests the hardware of the profile, as the end of a sentence;
 * null when it can.
 */
export async function hardwareFault(
  boot: BootProfile,
  { boards, user }: Pick<Host, 'boards' | 'user'>,
): Promise<string | null> {
  const { board } = boot;
  if (board !== undefined && !boards.all.includes(board))
    return `it has the board ${board}, which QEMU on this host does not emulate; move it to the newest one, ${boards.newest}, with silversmith base board BASE (of an import: layer board LAYER), or bring back the earlier QEMU`;
  if (isUefi(boot))
    for (const file of Object.values(filesOf(boot)))
      if (!(await exists(file)))
        return `it boots by UEFI, and the firmware ${file} is not on this host; install it (Debian: sudo apt-get install ovmf)`;
  const hasTpm = await locate('swtpm', user.path).then(
    () => true,
    () => false,
  );
  if (boot.tpm && !hasTpm)
    return 'it has a TPM, and swtpm, which emulates it, is not on this host; install it (Debian: sudo apt-get install swtpm)';
  return null;
}

/** Throws `unavailable` when this host cannot give guests the hardware of the profile. */
export async function assertHardware(
  boot: BootProfile,
  host: Pick<Host, 'boards' | 'user'>,
): Promise<void> {
  const fault = await hardwareFault(boot, host);
  if (fault !== null) throw new AppError('unavailable', `It cannot start here: ${fault}.`);
}

/** The board, as the beginning of the value of `-machine`. */
export const boardOf = (boot: BootProfile): string =>
  // Only code in the system management mode may write the variables that secure boot rests on.
  `${boot.board ?? 'q35'}${boot.mode === 'uefi-secure' ? ',smm=on' : ''}`;

interface Given {
  boot: BootProfile;
  /** The file of its variables, relative to the process's folder; of a UEFI profile. */
  variables: string;
}

export const firmwareArgs = ({ boot, variables }: Given): string[] => [
  ...(isUefi(boot)
    ? [
        ...['-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${filesOf(boot).code}`],
        ...['-drive', `if=pflash,format=raw,unit=1,file=${variables}`],
      ]
    : []),
  ...(boot.mode === 'uefi-secure'
    ? [
        ...['-global', 'driver=cfi.pflash01,property=secure,value=on'],
        // A guest that wakes from this sleep would skip what protects the variables.
        ...['-global', 'ICH9-LPC.disable_s3=1'],
      ]
    : []),
  ...(boot.tpm
    ? [
        ...['-chardev', `socket,id=tpm,path=${tpmSocket}`],
        ...['-tpmdev', 'emulator,id=tpm,chardev=tpm'],
        ...['-device', 'tpm-crb,tpmdev=tpm'],
      ]
    : []),
];

/** In the folder of the guest's sockets. */
export const tpmSocket = 'tpm.sock';
