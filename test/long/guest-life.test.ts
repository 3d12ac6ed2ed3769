// The lives of real guests: a reboot, a power-off, a watchdog that runs out, a process that is
// killed, and a crash after which the machine starts again.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startAlive } from '../qemu/alive.ts';

/** Lets the watchdog of the guest run out; the demo base's kernel has no driver for it. */
const letWatchdogBark = `
B='/usr/sbin/chroot /proc/1/root /bin/busybox'
for dev in /sys/bus/pci/devices/*; do
  [ "$(cat $dev/device)" = 0x25ab ] || continue
  echo 1 >$dev/enable
  read -r bar rest <$dev/resource
  unlock() { $B devmem $((bar + 12)) 16 0x80; $B devmem $((bar + 12)) 16 0x86; }
  unlock; $B devmem $bar 32 0x100
  unlock; $B devmem $((bar + 4)) 32 0x100
  printf '\\002' | dd of=$dev/config bs=1 seek=104 conv=notrunc
done`;

describe('a machine', () => {
  it('is shown as rebooting while its guest reboots, and is ready again after that', async (t) => {
    const { inGuest, is } = await startAlive(t);
    await inGuest('echo b >/proc/sysrq-trigger');
    assert.match((await is('warming_up')).status_reason ?? '', /rebooting/);
    assert.equal((await is('ready')).status_reason, null);
  });

  it('is off with the reason when it powers off, hangs, or loses its process', async (t) => {
    const alive = await startAlive(t);
    const { inGuest, turn, is } = alive;
    const ends: [end: () => Promise<unknown>, reason: RegExp][] = [
      [() => inGuest('echo o >/proc/sysrq-trigger'), /its guest powered off/],
      [() => inGuest(letWatchdogBark), /its guest hung/],
      [
        async () => process.kill((await alive.process('machine'))?.pid ?? 0, 'SIGKILL'),
        /it was killed/,
      ],
    ];
    for (const [at, [end, reason]] of ends.entries()) {
      if (at > 0) await turn(true);
      await end();
      assert.match((await is('off')).status_reason ?? '', reason);
    }
    await alive.assertSound();
  });

  it('starts again after a crash where its policy says so', async (t) => {
    const { inGuest, is, client, machine } = await startAlive(t);
    await client.machinePolicySet({ id: machine, crash_policy: 'restart' });
    await inGuest('echo c >/proc/sysrq-trigger');
    assert.match((await is('off')).status_reason ?? '', /started again 10 s later/);
    assert.equal((await is('ready')).restarts_at, null);
  });
});
