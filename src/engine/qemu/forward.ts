// The ports of the host that lead to a machine on QEMU's own network. QEMU itself listens on them,
// and is asked by its monitor to begin and to end.

import type { Forward } from '../../domain/machine-network.ts';
import { card } from './card.ts';
import { monitorCall } from './qmp.ts';

const monitorMs = 5000;

const keyOf = ({ protocol, address, port, guestPort }: Forward) =>
  `${protocol}:${address}:${port}-:${guestPort}`;

const listed = /^\s*(TCP|UDP)\[HOST_FORWARD\]\s+\d+\s+([\d.*]+)\s+(\d+)\s+[\d.]+\s+(\d+)\s/gm;

/** The ports on which QEMU listens, in the text with which it lists its sockets. */
export const forwardsIn = (text: string): Forward[] =>
  [...text.matchAll(listed)].map(([, protocol, address = '', port, guestPort]) => ({
    protocol: protocol === 'UDP' ? 'udp' : 'tcp',
    // QEMU shows the address of all addresses as a star.
    address: address === '*' ? '0.0.0.0' : address,
    port: Number(port),
    guestPort: Number(guestPort),
  }));

/**
 * Opens those that are wanted and closes all others. Returns why some could not be opened. Throws
 * when the monitor does not answer.
 */
export async function settleForwards(
  monitor: string,
  wanted: readonly Forward[],
): Promise<Map<Forward, string>> {
  const ask = async (command: string) =>
    String(
      await monitorCall(monitor, 'human-monitor-command', { 'command-line': command }, monitorMs),
    );
  const open = forwardsIn(await ask('info usernet'));
  const keys = new Set(wanted.map(keyOf));
  for (const one of open.filter((forward) => !keys.has(keyOf(forward))))
    await ask(`hostfwd_remove ${card} ${one.protocol}:${one.address}:${one.port}`);
  const before = new Set(open.map(keyOf));
  const faults = new Map<Forward, string>();
  for (const forward of wanted.filter((one) => !before.has(keyOf(one)))) {
    const said = await ask(`hostfwd_add ${card} ${keyOf(forward)}`);
    if (said.trim() !== '') faults.set(forward, taken(forward));
  }
  return faults;
}

const taken = ({ protocol, address, port }: Forward) =>
  `The host cannot listen on ${address} ${port}/${protocol}: another program has the port, or the host does not have the address. End that program, or choose another port.`;
