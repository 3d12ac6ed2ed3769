// A network between the members of a cluster, apart from the host's, from which a member can be cut
// off. A client reaches the daemons there by their sockets only.

import { execFileSync, spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { defer, type Scope, waitFor } from '../support.ts';

const bridge = 'ip link add switch type bridge && ip link set switch up && exec sleep infinity';

/** Makes the network; it ends with the test, and with this process. */
export async function memberNetwork(t: Scope) {
  const command = ['--pdeathsig', 'KILL', '--', 'unshare', '--net', '--', 'bash', '-c', bridge];
  const holder = spawn('setpriv', command, { stdio: 'ignore' });
  const network = `/proc/${holder.pid}/ns/net`;
  defer(t, () => holder.kill('SIGKILL'));
  const inside = ['nsenter', `--net=${network}`, '--'];
  const ip = (...args: string[]) =>
    execFileSync('nsenter', [...inside.slice(1), 'ip', ...args], { stdio: 'pipe' });
  await waitFor('the network of the members', () => {
    if (readlinkSync(network) === readlinkSync('/proc/self/ns/net')) return false;
    return ip('-o', 'link').toString().includes('switch');
  });
  return {
    /** The words before a command that is to run in it. */
    inside,
    /** Stops and passes on again what a member sends and gets. Nobody is told. */
    cut: (member: string) => ip('link', 'set', member, 'down'),
    mend: (member: string) => ip('link', 'set', member, 'up'),
  };
}

export type MemberNetwork = Awaited<ReturnType<typeof memberNetwork>>;
