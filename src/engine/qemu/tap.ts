// Tap devices: how the card of a machine meets the host's network without giving the machine's
// process that network. A short program opens the device and becomes the process, which gets the
// device as a descriptor. The process has no network of its own and no capability. The device ends
// with the process.
//
// As root the server makes the devices itself. Another user needs devices that root has made.

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { AppError, failedForNow } from '../../domain/error.ts';
import type { MachineId } from '../../domain/ids.ts';
import { runCommand } from '../../lib/spawn.ts';
import { tapFd } from './card.ts';

const commandMs = 10_000;
const interfaces = '/sys/class/net';

/** The kernel takes names of up to 15 characters. */
export const tapName = (installation: string, id: MachineId | string): string =>
  `sm${createHash('sha256').update(`tap\0${installation}\0${id}`).digest('hex').slice(0, 12)}`;

/**
 * Opens the device that its first argument names, and becomes the program that the others name.
 * Perl belongs to the essential part of Debian, and Node itself cannot ask the kernel for a device.
 * With 1 as its second argument the device stays when the program ends.
 */
const opener = `
use POSIX ();
my ($name, $stays) = splice @ARGV, 0, 2;
open(my $tap, '+<', '/dev/net/tun') or die "/dev/net/tun: $!\\n";
ioctl($tap, 0x400454ca, pack('a16 S x22', $name, 0x5002)) or die "tap device $name: $!\\n";
$stays or ioctl($tap, 0x400454cb, 0) or die "tap device $name: $!\\n";
POSIX::dup2(fileno($tap), ${tapFd}) or die "descriptor: $!\\n";
exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!\\n";
`;

export interface Tap {
  name: string;
  /** The operator has made it, and it stays. */
  stays: boolean;
}

/** The arguments of perl that give the device to a program. */
export const openTap = ({ name, stays }: Tap, file: string, args: readonly string[]): string[] => [
  ...['-e', opener, name, stays ? '1' : '0', file, ...args],
];

const run = (path: string, file: string, ...args: string[]) =>
  runCommand(file, args, { env: { PATH: path }, timeoutMs: commandMs });

/** Runs a script of nft. Throws `unavailable` with what is missing. */
export const runNft = (path: string, script: string): Promise<string> =>
  run(path, 'nft', script).catch((error) => {
    throw new AppError(
      'unavailable',
      /ENOENT/.test(String(error))
        ? 'nft, which keeps machines from this host, is not there. Install it (Debian: sudo apt-get install nftables), or give machines no network: --machine-network none.'
        : 'The rules that keep machines from this host cannot be set. See that the server may change nftables (root with CAP_NET_ADMIN), or give machines no network: --machine-network none.',
      { detail: String(error), retry: 'later' },
    );
  });

/** What root types for a machine of a server that is another user. */
const asRoot = (name: string, bridge: string | null) =>
  [
    `ip tuntap add dev ${name} mode tap user ${process.getuid?.() ?? 0} vnet_hdr`,
    ...(bridge === null ? [] : [`ip link set ${name} master ${bridge}`]),
    ...(bridge === null ? [] : [`bridge link set dev ${name} isolated on`]),
    `ip link set ${name} up`,
  ].join(' && ');

/** Throws `unavailable` unless root has made the device for the server's user. */
export async function assertGiven(name: string, bridge: string | null): Promise<void> {
  const owner = await readFile(`${interfaces}/${name}/owner`, 'utf8').catch(() => '');
  if (owner.trim() === String(process.getuid?.() ?? 0)) return;
  throw new AppError(
    'unavailable',
    `The server is not root, so root makes the network device of this machine once: ${asRoot(name, bridge)}`,
  );
}

interface NewTap {
  name: string;
  /** The user that may open it. */
  uid: number;
  /** By which its machine is known to who looks at the host. */
  alias: string;
  bridge: string | null;
  /** Whether it reaches no other isolated port of its bridge. */
  isolated: boolean;
  /** The script of nft for it. */
  wall: string;
}

/**
 * Makes the device, with its rules before it is connected. What was left of an earlier one is
 * removed. Throws `unavailable`, and there is no device then.
 */
export async function makeTap(path: string, tap: NewTap): Promise<void> {
  const { name, bridge } = tap;
  const known = await readdir(interfaces);
  if (bridge !== null && !known.includes(bridge))
    throw failedForNow(
      `This host has no bridge ${bridge}. Make it (ip link add ${bridge} type bridge && ip link set ${bridge} up), or name another one with --machine-network.`,
    );
  await removeTap(path, name);
  try {
    const user = ['user', String(tap.uid)];
    await run(path, 'ip', 'tuntap', 'add', 'dev', name, 'mode', 'tap', ...user, 'vnet_hdr');
    await run(path, 'ip', 'link', 'set', 'dev', name, 'alias', tap.alias);
    await runNft(path, tap.wall);
    if (bridge !== null) {
      await run(path, 'ip', 'link', 'set', 'dev', name, 'master', bridge);
      const isolated = tap.isolated ? 'on' : 'off';
      await run(path, 'bridge', 'link', 'set', 'dev', name, 'isolated', isolated);
    }
    await run(path, 'ip', 'link', 'set', 'dev', name, 'up');
  } catch (error) {
    await removeTap(path, name).catch(() => {});
    if (error instanceof AppError) throw error;
    throw failedForNow(
      `The network device of this machine cannot be made on this host${bridge === null ? '' : `, on the bridge ${bridge}`}.`,
      { detail: String(error) },
    );
  }
}

/** Removes a device. Nothing happens when there is none. */
export async function removeTap(path: string, name: string): Promise<void> {
  if ((await readdir(interfaces)).includes(name)) await run(path, 'ip', 'link', 'delete', name);
}

/** The aliases of this host's devices. */
export async function aliases(): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(interfaces)) {
    const alias = await readFile(`${interfaces}/${name}/ifalias`, 'utf8').catch(() => '');
    if (alias.trim() !== '') found.push(alias.trim());
  }
  return found;
}
