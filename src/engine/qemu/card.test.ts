// The network card of a guest, as QEMU is told of it.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { buildCardArgs, type Card, cardArgs, cardPlug } from './card.ts';

const user: Card = { network: 'user', restrict: true, ipv6: false, mac: '02:00:00:00:00:01' };

it('a card is the same for the command line and for the monitor', () => {
  assert.deepEqual(cardArgs(user).slice(4), [
    ...['-netdev', 'user,id=net,restrict=on,ipv6=off'],
    ...['-device', 'virtio-net-pci,netdev=net,mac=02:00:00:00:00:01,id=card,bus=card-port'],
  ]);
  assert.deepEqual(cardPlug(user), [
    {
      execute: 'netdev_add',
      arguments: { type: 'user', id: 'net', restrict: true, ipv6: false },
    },
    {
      execute: 'device_add',
      arguments: {
        driver: 'virtio-net-pci',
        netdev: 'net',
        mac: '02:00:00:00:00:01',
        id: 'card',
        bus: 'card-port',
      },
    },
  ]);
});

it('a card on a tap device names the descriptor of the device, and no device of the host', () => {
  const [, , , , , netdev] = cardArgs({ ...user, network: 'bridge:br0', restrict: false });
  assert.equal(netdev, 'tap,id=net,fd=9');
});

it('a guest without a card has none, but a machine has the port for one', () => {
  assert.deepEqual(buildCardArgs(null), ['-nic', 'none']);
  assert.deepEqual(cardArgs(null).slice(0, 3), ['-nic', 'none', '-device']);
  assert.match(cardArgs(null).join(), /pcie-root-port,id=card-port,chassis=1,addr=0x1$/);
});
