// The proxy and the addresses that build machines get of their host.

import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { describe, it } from 'node:test';
import { hasIpv6, proxyVariables } from './uplink.ts';

describe('a build machine with a network', () => {
  it("gets the host's proxy in both spellings, and finds one on the host's loopback", () => {
    assert.deepEqual(proxyVariables({}), {});
    const { http_proxy, HTTP_PROXY, https_proxy, NO_PROXY, ...rest } = proxyVariables({
      HTTP_PROXY: 'http://user:se%20cret@proxy.example:3128',
      https_proxy: 'localhost:3128',
      no_proxy: 'localhost,.example.org',
      PATH: '/bin',
    });
    assert.equal(http_proxy, 'http://user:se%20cret@proxy.example:3128/');
    assert.deepEqual([HTTP_PROXY, https_proxy], [http_proxy, 'http://10.0.2.2:3128/']);
    assert.equal(NO_PROXY, 'localhost,.example.org');
    assert.deepEqual(Object.keys(rest).sort(), ['HTTPS_PROXY', 'no_proxy']);
    const loopback = ['http://127.0.0.1:8/', 'http://127.1.2.3:8', 'http://[::1]:8', 'LOCALHOST:8'];
    for (const given of loopback)
      assert.equal(proxyVariables({ http_proxy: given }).http_proxy, 'http://10.0.2.2:8/', given);
  });

  it('gets no proxy that is no URL', () => {
    for (const given of [
      '',
      'http://',
      'a b',
      "http://x/'\n",
      'file:///etc/passwd',
      'x'.repeat(3000),
    ])
      assert.deepEqual(proxyVariables({ http_proxy: given }), {}, JSON.stringify(given));
  });

  it('gets IPv6 only where the host has an address that leads out of it', () => {
    const at = (address: string, more: object = {}) =>
      ({
        address,
        family: address.includes(':') ? 'IPv6' : 'IPv4',
        internal: false,
        ...more,
      }) as NetworkInterfaceInfo;
    assert.equal(hasIpv6({}), false);
    assert.equal(hasIpv6({ lo: [at('::1', { internal: true })], a: [at('10.0.0.1')] }), false);
    assert.equal(hasIpv6({ a: [at('fe80::1'), at('fd00::1')] }), false);
    assert.equal(hasIpv6({ a: [at('10.0.0.1')], b: [at('2001:db8::1')] }), true);
  });
});
