// The rules of the firewall, and what is read of what guests and tools say.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { agentAddresses, neighbours, usable } from './addresses.ts';
import { forwardsIn } from './forward.ts';
import { openTap, tapName } from './tap.ts';
import { resolversIn, setOpen, tapWall, userWall } from './wall.ts';

const wall = { table: 'silversmith-a', uids: { first: 1001, last: 2000 }, resolvers: [] };

it('a machine on the network user that is not known as open reaches nothing', () => {
  const rules = userWall({ ...wall, reachesHost: true }).split('\n');
  const closed = rules.findIndex((rule) => rule.includes('skuid != @open'));
  assert.ok(closed > 0);
  const before = rules.slice(0, closed).filter((rule) => rule.endsWith('accept'));
  assert.deepEqual(before, ['add rule inet silversmith-a guest ct direction reply accept']);
  assert.doesNotMatch(userWall({ ...wall, reachesHost: true }), /oifname lo/);
});

it('a machine asks the name servers of the host, and nothing else there', () => {
  const resolvers = resolversIn('# nameserver 1.1.1.1\nnameserver 127.0.0.53\nnameserver ::1 \n');
  assert.deepEqual(resolvers, ['127.0.0.53', '::1']);
  const rules = userWall({ ...wall, resolvers, reachesHost: false });
  assert.match(rules, /ip daddr 127\.0\.0\.53 meta l4proto \{ tcp, udp \} th dport 53 accept/);
  assert.match(rules, /ip6 daddr ::1 meta l4proto/);
  assert.ok(rules.indexOf('dport 53') < rules.indexOf('oifname lo reject'));
  assert.deepEqual(resolversIn('nameserver 1.2.3.4; drop\nnameserver fe80::1%eth0\n'), []);
});

it('closing a machine can be done again', () => {
  assert.equal(
    setOpen('t', 7, false),
    'add element inet t open { 7 }\ndelete element inet t open { 7 }',
  );
});

it('only a machine without public internet access is kept to private networks', () => {
  const tap = { table: 't', device: 'sm1', mac: '02:00:00:00:00:01' };
  assert.doesNotMatch(tapWall({ ...tap, internet: true }), /ip daddr != /);
  assert.match(tapWall({ ...tap, internet: false }), /ip daddr != \{ 10\.0\.0\.0\/8/);
});

it('the name of a tap device is one that the kernel takes, and no other machine has', () => {
  const names = new Set(Array.from({ length: 500 }, (_, id) => tapName('a', String(id))));
  assert.equal(names.size, 500);
  for (const name of names) assert.match(name, /^sm[0-9a-f]{12}$/);
  assert.deepEqual(openTap({ name: 'sm1', stays: false }, '/bin/x', ['-a']).slice(2), [
    ...['sm1', '0', '/bin/x', '-a'],
  ]);
});

it('what a guest says of its addresses is bounded, and what is no address is left out', () => {
  const mac = '02:00:00:00:00:01';
  const many = Array.from({ length: 100 }, (_, index) => ({ 'ip-address': `10.0.0.${index}` }));
  const card = { 'hardware-address': mac.toUpperCase(), 'ip-addresses': many };
  assert.equal(agentAddresses([card], mac).length, 16);
  for (const wrong of [null, 7, 'x', {}, [null, 7, { 'hardware-address': mac }]])
    assert.deepEqual(agentAddresses(wrong, mac), []);
  const said = ['10.0.0.5', '10.0.0.5', '127.0.0.1', 'fe80::1', '::1', 'FD00::5', '<b>', 5, '::'];
  assert.deepEqual(usable(said), ['10.0.0.5', 'fd00::5']);
  const table = [
    { dst: '10.0.0.7', lladdr: mac, state: ['STALE'] },
    { dst: '10.0.0.8', lladdr: mac, state: ['FAILED'] },
    { dst: '10.0.0.9', lladdr: '02:00:00:00:00:02' },
  ];
  assert.deepEqual(neighbours(table, mac), ['10.0.0.7']);
});

it('the ports on which QEMU listens are read from its list of sockets', () => {
  const list = [
    'Hub -1 (net):',
    '  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ',
    '  TCP[HOST_FORWARD]   3       127.0.0.1 22822       10.0.2.15    22     0     0',
    '  UDP[HOST_FORWARD]  11               *  3389       10.0.2.15  3389     0     0',
    '  TCP[ESTABLISHED]   12       10.0.2.15    22       127.0.0.1  5000     0     0',
  ].join('\r\n');
  assert.deepEqual(forwardsIn(list), [
    { protocol: 'tcp', address: '127.0.0.1', port: 22822, guestPort: 22 },
    { protocol: 'udp', address: '0.0.0.0', port: 3389, guestPort: 3389 },
  ]);
});
