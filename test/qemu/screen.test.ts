// The screen and the console of a real machine: its picture, keys and words through the websockets
// of a link, and what stays of the console when a server goes.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createClient } from '../../src/client/silversmith.ts';
import { displays } from '../../src/domain/boot.ts';
import { displayArgs } from '../../src/engine/qemu/display.ts';
import { monitorCall } from '../../src/engine/qemu/qmp.ts';
import { serve } from '../../src/server/serve.ts';
import { call } from '../call.ts';
import { heard } from '../contract/engine/views.ts';
import { connect } from '../http/viewer.ts';
import { defer, temporaryFolder, waitFor } from '../support.ts';
import { startQuick } from './quick-server.ts';

/** Asks for a name on its console, and greets on its console and its screen. */
const greets = `say_ready
  while :; do
    $B printf 'quick login: ' >/dev/ttyS0
    read name </dev/ttyS0
    echo "Hello $name" | $B tee /dev/ttyS0 >/dev/tty1
  done`;

describe('the display', () => {
  it('is one that QEMU has, in a slot of its own, also where it is a virtio one', async (t) => {
    const folder = await temporaryFolder(t);
    for (const display of displays) {
      const shown = displayArgs({ mode: 'bios', display });
      const args = ['-nodefaults', '-machine', 'q35,accel=tcg', '-vga', 'none', '-display', 'none'];
      const said = execFileSync(
        'qemu-system-x86_64',
        [...args, '-S', '-monitor', 'stdio', ...shown],
        { cwd: folder, input: 'info pci\ninfo vnc\nquit\n', encoding: 'utf8', timeout: 60_000 },
      );
      assert.match(said, /device +28, function 0:\s+VGA controller/);
      assert.match(said, /Server: :?screen\.sock \(unix\)/);
    }
  });
});

describe('a real machine', () => {
  it('shows its screen and console through a link, and loses no console with a server', async (t) => {
    const quick = await startQuick(t, { guest: greets });
    const client = createClient({ url: quick.url, ...quick.key });
    assert.equal((await quick.turn(true)).friendly_status, 'ready');
    const id = quick.machine;
    const before = Buffer.from(await client.screenshot({ id }));
    assert.equal(before.subarray(1, 4).toString(), 'PNG');
    assert.deepEqual([before.readUInt32BE(16), before.readUInt32BE(20)], [720, 400]);
    assert.ok(before.length > 1000, 'the firmware has written on it');

    const opened = await client.openMachine({ id });
    const console = connect(String(opened.console));
    await console.sees('quick login: ');
    console.socket.send('silver\n');
    await console.sees('Hello silver');
    const after = await waitFor('the greeting is on the screen', async () => {
      const png = Buffer.from(await client.screenshot({ id }));
      return !png.equals(before) && png;
    });
    assert.deepEqual([after.readUInt32BE(16), after.readUInt32BE(20)], [720, 400]);

    const screen = connect(String(opened.screen));
    await screen.sees('RFB 003.008\n');
    screen.socket.send('RFB 003.008\n');
    await waitFor('no password is asked', () => screen.bytes().length >= 14);
    screen.socket.send(Buffer.from([1]));
    await waitFor('the security is right', () => screen.bytes().length >= 18);
    screen.socket.send(Buffer.from([1]));
    await waitFor('the screen is told', () => screen.bytes().length >= 42);
    const told = screen.bytes().subarray(18);
    assert.deepEqual([told.readUInt16BE(0), told.readUInt16BE(2)], [720, 400]);

    // The server goes; the machine stays, and QEMU keeps the end of its console.
    await quick.close();
    for (const view of [console, screen]) assert.equal((await view.closed).code, 1001);
    const next = await serve(quick.config);
    defer(t, async () => {
      await next.engine.stopMachine({ machineId: id as never, graceMs: 0 }, call);
      await next.close();
    });
    const between = await next.engine.console?.open(id as never, call);
    assert.ok(between);
    const shown = heard(between);
    await waitFor('QEMU has kept its console', () => shown().includes('Hello silver'));
    between.destroy();
    await once(between, 'close');
    // A server that is killed leaves the console with a socket that nobody reads.
    const socket = {
      addr: { type: 'unix', data: { path: 'left.sock' } },
      server: true,
      wait: false,
    };
    await monitorCall(
      join(quick.dataDir, 'engine', 'run', `machine-${id}`, 'qmp.sock'),
      'chardev-change',
      { id: 'console', backend: { type: 'socket', data: socket } },
      60_000,
    );
    const again = createClient({ url: next.url, ...quick.key });
    const later = connect(String((await again.openMachine({ id })).console));
    await later.opened();
    later.socket.send('smith\n');
    await later.sees('Hello smith');
    await again.machineStop({ id });
    assert.equal((await later.closed).code, 4001);
  });
});
