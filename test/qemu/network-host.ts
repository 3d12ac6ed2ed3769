// A small world for tests of networks: this host, which has a bridge with a server of addresses, a
// service of its own, and a way to an outside that has a public address and one of a cloud's
// metadata. It belongs in a network of its own; see network.test.ts.

import { execFileSync, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { defer, type Scope, waitFor } from '../support.ts';

const addresses = { public: '203.0.113.80', metadata: '169.254.169.254' };
export const outside = { public: `${addresses.public}:80`, metadata: `${addresses.metadata}:80` };
export const routed = { address: '10.77.0.1', prefix: 'fd77::' };
export const bridge = { name: 'br0', address: '10.99.0.1' };
/** Longer than a guest under emulation on a busy host takes. */
const limitMs = 240_000;

const run = (file: string, ...args: string[]) => execFileSync(file, args, { stdio: 'pipe' });
const ip = (line: string) => run('ip', ...line.split(' '));

/** Makes the world; it ends with the test. Returns the port of the host's own service. */
export async function networkHost(t: Scope, folder: string): Promise<{ service: number }> {
  const children = [spawn('unshare', ['--net', 'sleep', 'infinity'], { stdio: 'ignore' })];
  defer(t, () => {
    for (const child of children) child.kill('SIGKILL');
  });
  const out = children[0]?.pid;
  const there = (file: string, ...args: string[]) =>
    run('nsenter', `--net=/proc/${out}/ns/net`, '--', file, ...args);
  await waitFor('the outside', () => there('ip', 'link').toString().includes('state DOWN'));
  ip('link add way type veth peer name back');
  await waitFor('the way to it', () => {
    ip(`link set back netns ${out}`);
    return true;
  });
  ip('addr add 10.88.0.1/24 dev way');
  ip('link set way up');
  for (const line of [
    'addr add 10.88.0.2/24 dev back',
    'link set back up',
    'link set lo up',
    ...Object.values(addresses).map((address) => `addr add ${address}/32 dev lo`),
    'route add 10.99.0.0/24 via 10.88.0.1',
  ])
    there('ip', ...line.split(' '));
  ip('route add default via 10.88.0.2');
  ip(`link add ${bridge.name} type bridge`);
  ip(`addr add ${bridge.address}/24 dev ${bridge.name}`);
  ip(`link set ${bridge.name} up`);
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
  const pages = join(folder, 'pages');
  await mkdir(pages);
  await writeFile(join(pages, 'index.html'), 'reached');
  const web = ['busybox', 'httpd', '-f', '-p', '80', '-h', pages];
  children.push(spawn('nsenter', [`--net=/proc/${out}/ns/net`, '--', ...web]));
  const leases = ['--dhcp-range=10.99.0.50,10.99.0.99,1h', `--dhcp-leasefile=${folder}/leases`];
  const own = ['--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--user=root'];
  const at = ['--bind-interfaces', `--interface=${bridge.name}`, '--except-interface=lo'];
  children.push(spawn('dnsmasq', [...own, ...at, ...leases], { stdio: 'ignore' }));
  const server = createServer((_, answer) => answer.end('reached'));
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  defer(t, () => server.close());
  await waitFor('the outside answers', () =>
    fetch(`http://${outside.public}/`).then(
      (answer) => answer.ok,
      () => false,
    ),
  );
  return { service: (server.address() as AddressInfo).port };
}

/** Serves addresses of both kinds on a device of this host, as an operator would. */
export function servesBoth(t: Scope, folder: string, device: string): void {
  ip(`addr add ${routed.address}/24 dev ${device}`);
  ip(`-6 addr add ${routed.prefix}1/64 dev ${device} nodad`);
  const leases = ['--dhcp-range=10.77.0.50,10.77.0.99,1h', `--dhcp-leasefile=${folder}/routed`];
  const own = ['--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--user=root'];
  const adverts = ['--enable-ra', `--dhcp-range=${routed.prefix},ra-only,64,1h`];
  const at = ['--bind-interfaces', `--interface=${device}`, '--except-interface=lo'];
  const child = spawn('dnsmasq', [...own, ...at, ...leases, ...adverts], { stdio: 'ignore' });
  defer(t, () => child.kill('SIGKILL'));
}

/**
 * A guest that asks for an address until it has one, and then runs what is sent to its port 22. It
 * has one also where nobody gives any.
 */
export const shellGuest = `say_ready
$B ip link set lo up
$B ip link set eth0 up
$B printf '%s\\n' '#!/bin/busybox sh' '[ "$1" = bound ] || exit 0' \\
  '/bin/busybox ip addr add $ip/24 dev eth0' \\
  '/bin/busybox ip route add default via $router' >/dhcp
$B chmod 755 /dhcp
until $B udhcpc -i eth0 -n -q -t 5 -T 1 -s /dhcp; do :; done
$B ip addr show eth0 >/dev/ttyS0
$B nc -ll -p 22 -e /bin/busybox sh`;

/** What a shell in the guest prints; null when none answers. */
function say(address: string, port: number, script: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(port, address);
    let said = '';
    socket.setTimeout(60_000, () => socket.destroy());
    socket.on('data', (chunk) => {
      said += chunk;
      if (said.includes('the end\n')) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(said.includes('the end\n') ? said : null));
    socket.write(`${script}\necho the end\n`);
  });
}

/** Runs a script in a guest, when it answers. */
export const inside = (address: string, port: number, script: string): Promise<string> =>
  waitFor(`a guest at ${address} ${port}`, () => say(address, port, script), limitMs);

/** Which of the web servers, given as ADDRESS:PORT, answer a guest. */
export async function reached(
  [address, port]: readonly [string, number],
  servers: readonly string[],
): Promise<string[]> {
  // The wget of a static busybox crashes where no library of names is.
  const script = servers.map((server) => {
    const to = `/bin/busybox nc -w 3 ${server.replace(':', ' ')}`;
    return `[ -n "$(printf 'GET / HTTP/1.0\\r\\n\\r\\n' | ${to})" ] && echo "${server} answers"`;
  });
  const said = await inside(address, port, script.join('\n'));
  return servers.filter((server) => said.includes(`${server} answers\n`));
}

/** Whether somebody listens on a port of this host. */
export const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('close', () => socket.destroy());
  });
