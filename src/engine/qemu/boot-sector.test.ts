// How disks boot, by first bytes that are made here.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { firmwareOf, headBytes } from './boot-sector.ts';

const efi = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b';
const bios = '21686148-6449-6e6f-744e-656564454649';
const linux = '0fc63daf-8483-4772-8e79-3d69d8477de4';

/** As it lies on a disk: the first three groups turned round. */
function guid(text: string): Buffer {
  const parts = text.split('-').map((part) => Buffer.from(part, 'hex'));
  return Buffer.concat(parts.map((part, index) => (index < 3 ? part.reverse() : part)));
}

function disk({
  code = false,
  gpt,
  mbr = [],
}: {
  code?: boolean;
  gpt?: string[];
  mbr?: number[];
}): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt16BE(0x55aa, 510);
  if (code) head[0] = 0xeb;
  for (const [index, type] of (gpt ? [0xee] : mbr).entries()) head[450 + 16 * index] = type;
  if (gpt) {
    head.write('EFI PART', 512, 'latin1');
    head.writeUInt32LE(128, 512 + 80);
    head.writeUInt32LE(128, 512 + 84);
    for (const [index, type] of gpt.entries()) guid(type).copy(head, 1024 + 128 * index);
  }
  return head;
}

describe('the first bytes of a disk', () => {
  const cases: [what: string, head: Buffer, firmware: ReturnType<typeof firmwareOf>][] = [
    ['a cloud image for both firmwares', disk({ code: true, gpt: [linux, bios, efi] }), 'bios'],
    ['an old partition table with a boot loader', disk({ code: true, mbr: [0x83] }), 'bios'],
    [
      'a BIOS loader before a GPT without an EFI partition',
      disk({ code: true, gpt: [linux, bios] }),
      'bios',
    ],
    ['an EFI partition and no boot code', disk({ gpt: [efi, linux] }), 'uefi'],
    [
      'an EFI partition, boot code and no BIOS boot partition',
      disk({ code: true, gpt: [efi, linux] }),
      'doubtful',
    ],
    ['an EFI partition in an old table', disk({ mbr: [0xef, 0x83] }), 'uefi'],
    ['a partition table alone', disk({ mbr: [0x83] }), 'none'],
    ['a file system alone', Buffer.alloc(headBytes), 'none'],
    ['less than a sector', Buffer.alloc(100), 'none'],
    ['a GPT cut short', disk({ gpt: [efi] }).subarray(0, 1030), 'none'],
  ];
  for (const [what, head, firmware] of cases)
    it(`tell that ${what} boots by ${firmware}`, () => {
      assert.equal(firmwareOf(head), firmware);
    });
});
