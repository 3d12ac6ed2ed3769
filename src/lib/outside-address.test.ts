// Tests of which addresses are of the public internet.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isOutside } from './outside-address.ts';

describe('an address', () => {
  it('of this host, of a private network, of a link, or of a group is not outside', () => {
    for (const address of [
      ...['127.0.0.1', '127.9.9.9', '0.0.0.0', '10.1.2.3', '172.16.0.1', '172.31.255.255'],
      ...['192.168.1.1', '169.254.169.254', '100.64.0.1', '100.127.255.255', '224.0.0.1'],
      ...['255.255.255.255', '192.0.0.192', '198.18.0.1', '240.0.0.1'],
      ...['::1', '::', 'fe80::1', 'fe80::1%eth0', 'fc00::1', 'fd00:ec2::254', 'ff02::1'],
      ...['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:169.254.169.254', '::127.0.0.1'],
      ...['64:ff9b::a9fe:a9fe', '64:ff9b:1::1', '2002:7f00:1::', '2001:0:7f00:1::', '2001:db8::1'],
      ...['', 'localhost', '127.1', '0x7f000001', '2130706433', '[::1]'],
    ])
      assert.equal(isOutside(address), false, address);
  });

  it('of the internet is outside', () => {
    for (const address of [
      ...['1.1.1.1', '8.8.8.8', '172.15.0.1', '172.32.0.1', '100.63.0.1', '100.128.0.1'],
      ...['169.253.0.1', '192.167.1.1', '223.255.255.255'],
      ...['2606:4700:4700::1111', '2a00:1450:4001::1', '2400::1'],
    ])
      assert.equal(isOutside(address), true, address);
  });
});
