// The network card of a guest, as QEMU is told of it.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Card, cardArgs, cardPlug } from './card.ts';

const user: Card = { network: 'user', restrict: true, ipv6: false, mac: '02:00:00:00:00:01' };

it('a card is the same for the command line and for the monitor', () => {
  assert.deepEqual(cardArgs(user), [
    ...['-netdev', 'user,id=net,restrict=on,ipv6=off'],
    ...['-device', 'virtio-net-pci,netdev=net,mac=02:00:00:00:00:01,addr=0x1'],
  ]);
  assert.deepEqual(cardPlug(user, 'rp1'), [
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
        id: 'net-card',
        bus: 'rp1',
      },
    },
  ]);
});

it('a card on a tap device names the descriptor of the device, and no device of the host', () => {
  const [, netdev] = cardArgs({ ...user, network: 'bridge:br0', restrict: false });
  assert.equal(netdev, 'tap,id=net,fd=9');
});

it('a guest without a card has none', () => {
  assert.deepEqual(cardArgs(null), ['-nic', 'none']);
});
