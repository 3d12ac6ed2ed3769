// The rules of the host's firewall (nftables) that keep machines from what they must not reach.
//
// A machine on QEMU's own network sends as its own user of the host, so one table for all of them
// looks at the user that a packet comes from. A user that the table does not know as open reaches
// nothing: what is forgotten is closed. A machine on a tap device has a table of its own, which
// looks at what comes out of that device. Each function returns a script that nft carries out as a
// whole or not at all, and that may be carried out again.

import { isIPv4 } from 'node:net';

/** Where clouds tell a host its secrets, and what else lives on the link alone. */
const linkLocal = { ipv4: '169.254.0.0/16', ipv6: '{ fe80::/10, fd00:ec2::254, fd20:ce::254 }' };

/** Where a machine without public internet access may still send on a tap device: private nets. */
const near = {
  ipv4: '{ 10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16, 224.0.0.0/4, 0.0.0.0, 255.255.255.255 }',
  ipv6: '{ fc00::/7, fe80::/10, ff00::/8, :: }',
};

export const userTable = (installation: string) => `silversmith-${installation}`;
export const tapTable = (installation: string, machine: string | number) =>
  `${userTable(installation)}-machine-${machine}`;

interface UserWall {
  table: string;
  /** The users of the host that machines run as. */
  uids: { first: number; last: number };
  /** Whether they may reach what listens on this host. */
  reachesHost: boolean;
  /** The name servers of the host. */
  resolvers: readonly string[];
}

/** The table of all machines on QEMU's own network. Which users are open stays as it was. */
export function userWall({ table, uids, reachesHost, resolvers }: UserWall): string {
  const guest = (rule: string) => `add rule inet ${table} guest ${rule}`;
  // Without the reset, a connection ends only when it is tried again.
  const refuse = (what: string) => [
    guest(`${what} meta l4proto tcp reject with tcp reset`),
    guest(`${what} reject`),
  ];
  const ask = resolvers.map((address) =>
    guest(
      `${isIPv4(address) ? 'ip' : 'ip6'} daddr ${address} meta l4proto { tcp, udp } th dport 53 accept`,
    ),
  );
  return [
    `add table inet ${table}`,
    `add set inet ${table} open { type uid ; }`,
    `add chain inet ${table} guest`,
    `flush chain inet ${table} guest`,
    // The answers to a connection that came in by a forwarded port.
    guest('ct direction reply accept'),
    ...refuse('meta skuid != @open'),
    ...ask,
    // Whatever address of this host it is sent to, such a packet goes by the loopback interface.
    ...(reachesHost ? [] : refuse('oifname lo')),
    ...refuse(`ip daddr ${linkLocal.ipv4}`),
    ...refuse(`ip6 daddr ${linkLocal.ipv6}`),
    `add chain inet ${table} out { type filter hook output priority 0 ; policy accept ; }`,
    `flush chain inet ${table} out`,
    `add rule inet ${table} out meta skuid ${uids.first}-${uids.last} jump guest`,
  ].join('\n');
}

/** Opens the wall to a user, or closes it, which ends its connections too. */
export const setOpen = (table: string, uid: number, open: boolean): string =>
  [
    // Only what is there can be deleted.
    `add element inet ${table} open { ${uid} }`,
    ...(open ? [] : [`delete element inet ${table} open { ${uid} }`]),
  ].join('\n');

interface TapWall {
  table: string;
  device: string;
  mac: string;
  internet: boolean;
}

/**
 * The table of one machine on a tap device, which must exist: it speaks with its own hardware
 * address only, gives nobody addresses or routes, and asks no cloud for secrets.
 */
export function tapWall({ table, device, mac, internet }: TapWall): string {
  const rule = (text: string) => `add rule netdev ${table} in ${text}`;
  return [
    `add table netdev ${table}`,
    `delete table netdev ${table}`,
    `add table netdev ${table}`,
    `add chain netdev ${table} in { type filter hook ingress device ${device} priority 0 ; policy accept ; }`,
    rule(`ether saddr != ${mac} drop`),
    rule('meta protocol != { arp, ip, ip6 } drop'),
    rule('udp sport 67 drop'),
    rule('icmpv6 type nd-router-advert drop'),
    rule(`ip daddr ${linkLocal.ipv4} drop`),
    rule('ip6 daddr { fd00:ec2::254, fd20:ce::254 } drop'),
    ...(internet
      ? []
      : [rule(`ip daddr != ${near.ipv4} drop`), rule(`ip6 daddr != ${near.ipv6} drop`)]),
  ].join('\n');
}

/** Removes the table of one machine on a tap device; nothing happens when there is none. */
export const withoutTapWall = (table: string): string =>
  [`add table netdev ${table}`, `delete table netdev ${table}`].join('\n');

/** The name servers in the text of /etc/resolv.conf. */
export const resolversIn = (text: string): string[] =>
  [...text.matchAll(/^nameserver\s+([0-9a-fA-F.:]{2,45})\s*$/gm)]
    .slice(0, 3)
    .flatMap(([, address = '']) => (isIPv4(address) || address.includes(':') ? [address] : []));
