// Whether a machine's guest lives, as its engine sees it: real guests that crash, hang, reboot and
// power off, and a process that is killed.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { MachineId } from '../../src/domain/ids.ts';
import { call } from '../call.ts';
import { waitFor } from '../support.ts';
import { guests } from './quick-base.ts';
import { restMs, startQuick } from './quick-server.ts';

const startAlive = async (t: TestContext) => {
  const quick = await startQuick(t, { guest: guests.lives });
  assert.equal((await quick.turn(true)).friendly_status, 'ready');
  const machineId = quick.machine as MachineId;
  return {
    ...quick,
    /** Runs a script in the guest without waiting for it, because it may end the guest. */
    async inGuest(script: string) {
      const command = ['sh', '-c', `(sleep 1; ${script}) >/dev/null 2>&1 </dev/null &`];
      await quick.engine.exec?.run({ machineId, command }, call);
    },
    vital: async () => (await quick.engine.vitals?.look(call))?.get(machineId),
  };
};

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

describe('a machine whose guest lives', () => {
  it('is shown as rebooting, and is off with the reason when its kernel crashes', async (t) => {
    const { inGuest, client, machine } = await startAlive(t);
    const shown = async () => (await client.machineGet({ id: machine })).attributes;
    const is = (status: string) =>
      waitFor(
        `it is ${status}`,
        async () => {
          const now = await shown();
          return now.friendly_status === status && now;
        },
        restMs,
      );
    await inGuest('echo b >/proc/sysrq-trigger');
    assert.match((await is('warming_up')).status_reason ?? '', /rebooting/);
    assert.equal((await is('ready')).status_reason, null);
    await inGuest('echo c >/proc/sysrq-trigger');
    const asked = performance.now();
    const { status_reason: reason } = await is('off');
    t.diagnostic(`off ${Math.round(performance.now() - asked)} ms after it was asked to crash`);
    assert.match(reason ?? '', /its kernel crashed.*sysrq triggered crash/s);
    assert.match((await client.machineConsole({ id: machine })).attributes.shown ?? '', /panic/);
  });

  it('is off with the reason when it powers off, hangs, or loses its process', async (t) => {
    const alive = await startAlive(t);
    const { inGuest, client, machine, turn } = alive;
    const ends: [how: string, end: () => Promise<unknown>, reason: RegExp][] = [
      ['powers off', () => inGuest('echo o >/proc/sysrq-trigger'), /its guest powered off/],
      ['hangs', () => inGuest(letWatchdogBark), /its guest hung/],
      [
        'is killed',
        async () => process.kill((await alive.process('machine'))?.pid ?? 0, 'SIGKILL'),
        /it was killed/,
      ],
    ];
    for (const [how, end, reason] of ends) {
      if ((await client.machineGet({ id: machine })).attributes.friendly_status === 'off')
        await turn(true);
      await end();
      const off = await waitFor(
        `it is off after it ${how}`,
        async () => {
          const { attributes } = await client.machineGet({ id: machine });
          return attributes.friendly_status === 'off' && attributes;
        },
        restMs,
      );
      assert.match(off.status_reason ?? '', reason);
    }
    await alive.assertSound();
  });
});

describe('the pulse of a machine', () => {
  it('tells a panic of its kernel, and clears at once what is left of it', async (t) => {
    const { vital, inGuest, engine, machine } = await startAlive(t);
    const heard = await waitFor(
      'its agent is heard',
      async () => {
        const found = await vital();
        return found?.heardAgoMs != null && found;
      },
      restMs,
    );
    assert.equal(heard.pulse, 'running');
    const pulseIs = (wanted: string) =>
      waitFor(wanted, async () => (await vital())?.pulse === wanted, restMs);
    await inGuest('echo c >/proc/sysrq-trigger');
    await pulseIs('crashed');
    const machineId = machine as MachineId;
    assert.match((await engine.console?.read(machineId, call)) ?? '', /Kernel panic - not syncing/);
    assert.equal(await engine.machineState(machineId, call), 'crashed');
    await engine.stopMachine({ machineId, graceMs: 3600_000 }, call);
    assert.equal(await vital(), undefined);
  });
});
