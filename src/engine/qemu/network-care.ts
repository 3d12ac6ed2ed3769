// Takes care of the network of a machine that is on.

import { join } from 'node:path';
import { failedForNow } from '../../domain/error.ts';
import type { MachineId } from '../../domain/ids.ts';
import type { Forward } from '../../domain/machine-network.ts';
import { hardwareOf } from '../identity.ts';
import type { Network } from '../optional/network.ts';
import { addressesOf } from './addresses.ts';
import { type Card, card } from './card.ts';
import { settleForwards } from './forward.ts';
import type { Host } from './host.ts';
import { type Networks, readConnection } from './network.ts';
import { type Found, findProcess, findProcesses, type Own } from './process.ts';
import { monitorCall } from './qmp.ts';

const everyMs = 60_000;
const monitorMs = 5000;

/** A machine of an earlier version tells by its command line that it is on the network user. */
async function connectionOf({ commandLine, id }: Found, { paths }: Own): Promise<Card | null> {
  const { card: noted } = await readConnection(paths.machine(Number(id) as MachineId));
  if (noted !== null || !commandLine.some((arg) => arg.startsWith(`user,id=${card}`))) return noted;
  return { network: 'user', restrict: false, ipv6: false, mac: null };
}

export const networkIn = (own: Own, host: Host, networks: Networks): Network => ({
  everyMs,
  lacks: networks.lacks,

  async care({ machineId, network, forwards }) {
    const found = await findProcess(own, 'machine', machineId);
    if (!found) return null;
    const has = await connectionOf(found, own);
    const kind = has?.network ?? 'none';
    const faults = new Map<Forward, string>();
    for (const forward of kind === 'user' ? [] : forwards) faults.set(forward, notUser);
    if (has === null) return { addresses: [], faults };
    const monitor = join(found.folder, 'qmp.sock');
    try {
      await networks.keep({ machineId, network: { ...network, kind } });
      if (!networks.isRoot) await setLink(monitor, network.internet || has.restrict);
      if (kind === 'user')
        for (const [forward, why] of await settleForwards(monitor, forwards))
          faults.set(forward, why);
    } catch (error) {
      throw failedForNow(`The network of machine ${machineId} could not be settled.`, {
        detail: String(error),
      });
    }
    const { mac } = hardwareOf(own.installation, machineId);
    const agent = join(found.folder, 'agent.sock');
    return { addresses: await addressesOf({ agent, mac, path: host.user.path }), faults };
  },

  async remains() {
    const on = new Set((await findProcesses(own, 'machine')).map(({ id }) => id));
    return (await networks.remains(on)).map(
      (id) => `the network device or the rules of machine ${id}, which is off`,
    );
  },
});

const notUser =
  'The machine is not on the network user, so no port of the host leads to it; it is reached at its own addresses.';

/**
 * Cuts the link of a machine that may not reach the internet, where nothing else keeps it from
 * that.
 */
const setLink = (monitor: string, up: boolean) =>
  monitorCall(monitor, 'set_link', { name: card, up }, monitorMs);
