// The reasons that are read from consoles of guests that did not come up.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plainConsole } from '../lib/plain-console.ts';
import { consoleReason, seenOn } from './console.ts';

describe('a console of a guest that did not come up', () => {
  const cases: [console: string, says: RegExp][] = [
    [
      '[ 3.1] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\n[ 3.2] CPU: 0',
      /panicked \(VFS/,
    ],
    [
      'ALERT!  /dev/vda9 does not exist.  Dropping to a shell!\n\n(initramfs) ',
      /shell of its initramfs/,
    ],
    ['Entering emergency mode.\n\ndracut:/# ', /shell of its initramfs/],
    ['You are in emergency mode. After logging in, type "journalctl -xb"\n', /emergency mode/],
    ['error: no such partition.\nEntering rescue mode...\ngrub rescue> ', /boot loader/],
    ['Boot failed: not a bootable disk\n\nNo bootable device.\n', /no boot sector.*UEFI/],
    [
      'SeaBIOS (version 1.16.2)\nBooting from Hard Disk...\n',
      /nothing followed the boot sector.*UEFI/,
    ],
    [
      'Debian GNU/Linux 12 localhost ttyS0\n\nlocalhost login: ',
      /login prompt.*cloud-init or qemu-guest-agent/,
    ],
    ['Debian GNU/Linux 12 m ttyS0\n\n[press ENTER to login]', /login prompt/],
    ['[ 9.1] reboot: Power down\n', /powered off/],
  ];
  for (const [console, says] of cases)
    it(`says what it shows: ${says.source}`, () => {
      assert.match(seenOn(plainConsole(console)) ?? '', says);
      assert.match(consoleReason(plainConsole(console)), /What was seen: .*The last lines/s);
    });

  it('is told by its last sign: a boot that went on after its firmware is not one without a boot sector', () => {
    const shown = 'Booting from Hard Disk...\nGRUB loading\n[ 1.0] Linux version 6.1\n';
    assert.equal(seenOn(shown), null);
    assert.match(seenOn(`${shown}(initramfs) `) ?? '', /initramfs/);
    assert.match(
      seenOn(`(initramfs) exit\n[ 2.0] Kernel panic - not syncing: Attempted to kill init!`) ?? '',
      /panicked/,
    );
  });

  it('loses what would move a terminal or hide text, and stays bounded', () => {
    const raw = '\x1b]0;title\x07\x1b[2J\x1b[31mred\x1b[0m\r\nnext\x07\u202eline\x9b1m\n';
    assert.equal(plainConsole(raw), 'red\nnextline1m\n');
    for (const flood of ['x', ' login:', '\x1b]', 'Booting from Hard Disk.', '(initramfs) '])
      assert.ok(consoleReason(plainConsole(flood.repeat(1_000_000))).length < 1500);
    assert.ok(consoleReason(plainConsole(`${'x'.repeat(100_000)}\n`.repeat(20))).length < 1500);
    assert.match(consoleReason(''), /shows nothing/);
  });
});
