// Derives the identity of a machine. The address of its card and its UUID follow from the
// installation and the machine's id, so they stay the same for its life and no other machine has
// them. The identity on its disk follows from the disk, so a new disk is a new instance, and an old
// disk that is put back brings its own identity.

import { createHash } from 'node:crypto';
import type { DiskId, MachineId } from '../domain/ids.ts';

export interface Hardware {
  /** Locally administered. */
  mac: string;
  uuid: string;
}

export interface Identity {
  /**
   * cloud-init's instance id. When it differs from the last one, cloud-init makes host keys and the
   * like anew.
   */
  instance: string;
  machineId: string;
  hostName: string;
}

const digest = (...parts: (string | number)[]) =>
  createHash('sha256').update(parts.join('\0')).digest();

/** 32 hexadecimal digits of a UUID of random form. */
function uuidDigits(bytes: Buffer): string {
  const digits = Buffer.from(bytes.subarray(0, 16));
  digits[6] = ((digits[6] ?? 0) & 0x0f) | 0x40;
  digits[8] = ((digits[8] ?? 0) & 0x3f) | 0x80;
  return digits.toString('hex');
}

/** `card` is the number of the network card, from 0. */
export function hardwareOf(installation: string, id: MachineId, card = 0): Hardware {
  const mac = digest('mac', installation, id, ...(card === 0 ? [] : [card])).subarray(0, 6);
  mac[0] = ((mac[0] ?? 0) & 0xfc) | 0x02;
  const uuid = uuidDigits(digest('uuid', installation, id));
  return {
    mac: mac.toString('hex').replaceAll(/(..)(?=.)/g, '$1:'),
    uuid: uuid.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
  };
}

export const identityOf = (diskId: DiskId, name: string, id: MachineId): Identity => ({
  instance: diskId,
  machineId: uuidDigits(digest('machine-id', diskId)),
  hostName: hostNameOf(name, id),
});

/**
 * Lines of tmpfiles.d that systemd 252 and later takes from the firmware when a fresh disk boots,
 * before the network is used. A direct boot has the machine id on the kernel's command line too,
 * where every systemd reads it.
 */
export const earlyLines = ({ machineId }: Identity) =>
  [
    `f+ /etc/machine-id 0444 root root - ${machineId}\\n`,
    'r! /var/lib/systemd/random-seed',
    ...[
      '/var/lib/dhcp/*',
      '/var/lib/NetworkManager/*.lease',
      '/var/lib/NetworkManager/secret_key',
    ].map((path) => `r! ${path}`),
    '',
  ].join('\n');

/** A host name made from a machine's name: letters, digits and hyphens, never empty. */
function hostNameOf(name: string, id: number): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 50);
  return plain === '' ? `machine-${id}` : plain;
}
