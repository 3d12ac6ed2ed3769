// The networks of machines where the server is not root. network-user.test.ts runs this as another
// user.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { inside, reached, shellGuest } from '../qemu/network-host.ts';
import { startQuick } from '../qemu/quick-server.ts';
import { defer, waitFor } from '../support.ts';

const openMs = 120_000;

/** Runs a server with one machine, whose guest does what is sent to its port 22. */
const serverWith = (t: TestContext, machineNetwork: string) =>
  startQuick(t, { guest: shellGuest, flags: { machineNetwork } });

/** The machine's reason after a start that fails. */
async function refusal({ turn }: Awaited<ReturnType<typeof serverWith>>): Promise<string> {
  const { friendly_status, status_reason } = await turn(true);
  assert.equal(friendly_status, 'off');
  return status_reason ?? '';
}

describe('a server that is not root', () => {
  it('has machines on the network user that are reached by their ports, reach nothing, and says so', async (t) => {
    assert.notEqual(process.getuid?.(), 0);
    const server = createServer((_, answer) => answer.end('reached'));
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    defer(t, () => server.close());
    const { port: service } = server.address() as AddressInfo;
    const { client, machine, turn, engine } = await serverWith(t, 'user');
    assert.match(engine.network?.lacks ?? '', /^the server is not root, .* so they reach nothing/);
    assert.equal((await turn(true)).friendly_status, 'ready');
    const port = 2000 + (process.pid % 30_000);
    await client.machineForwardAdd({ id: machine, port, guest_port: 22 });
    const opened = async () => {
      const [forward] = (await client.machineForwardList({ id: machine })).forwards;
      return forward?.attributes.open;
    };
    await waitFor('its port is open', opened, openMs, 200);
    const card = 'cat /sys/class/net/eth0/address; /bin/busybox ip addr show eth0';
    const shown = await inside('127.0.0.1', port, card);
    assert.match(shown, /inet 10\.0\.2\.15/);
    assert.deepEqual(await reached(['127.0.0.1', port], [`10.0.2.2:${service}`]), []);
  });

  for (const [network, connects] of [
    ['bridge:br0', / && ip link set \w+ master br0 && /],
    ['tap', / vnet_hdr && ip link set \w+ up/],
  ] as const)
    it(`starts no machine on ${network} whose device root has not made, and says how to make it`, async (t) => {
      const quick = await serverWith(t, network);
      const reason = await refusal(quick);
      assert.match(reason, /The server is not root, so root makes .* once: ip tuntap add dev \w+/);
      assert.match(reason, new RegExp(` mode tap user ${process.getuid?.()} `));
      assert.match(reason, connects);
    });

  it('starts no machine on a bridge that it would have to keep from the internet', async (t) => {
    const quick = await serverWith(t, 'bridge:br0');
    const { client, machine } = quick;
    const permissions = { public_internet_access: false };
    await client.machinePermissionsSet({ id: machine, permissions });
    assert.match(await refusal(quick), /is not root\. Start the server as root, or permit it/);
  });
});
