// The ports of the host that lead to machines: a request writes which, and the task `network` has
// the engine open and close them.

import { AppError, invalid, notFound } from '../domain/error.ts';
import type { MachineId } from '../domain/ids.ts';
import type { Forward, KeptForward } from '../domain/machine-network.ts';
import type { ChangeContext, ReadContext } from './context.ts';

/** So many ports may lead to one machine. */
const forwardsMax = 32;

export interface ForwardView extends KeptForward {
  /** Whether the port leads to the machine now. */
  open: boolean;
}

const viewOf = (forward: KeptForward, isOn: boolean): ForwardView => ({
  ...forward,
  fault: isOn ? forward.fault : null,
  open: isOn && forward.openedAt !== null && forward.fault === null,
});

/** Throws `not_found`. */
export async function machineForwardList(
  { work }: ReadContext,
  id: MachineId,
): Promise<ForwardView[]> {
  const { status } = await work.machines.get(id);
  return (await work.forwards.ofMachines([id])).map((one) => viewOf(one, status === 'ready'));
}

interface NewPort extends Omit<Forward, 'address'> {
  /** Undefined: the first of the server's. */
  address: string | undefined;
}

/**
 * Lets a port of the host lead to the machine, now or when it is on. Throws `not_found`, `invalid`
 * for what the server does not allow, and `conflict` for a port that leads to a machine already.
 */
export async function machineForwardAdd(
  { work, organisationId, forwarding, touched }: ChangeContext,
  id: MachineId,
  { protocol, port, guestPort, address = forwarding.addresses[0] ?? '' }: NewPort,
): Promise<ForwardView> {
  const machine = await work.machines.get(id);
  touched({ machineIds: [id] });
  const network = machine.network ?? forwarding.network;
  if (forwarding.network === null)
    throw invalid(
      'The engine of this server has no ports of the host that lead to machines; use the network of the cluster.',
    );
  if (network !== 'user')
    throw invalid(
      `Ports of the host lead to machines on the network user, and machine ${id} is on ${network}. Give it a machine type with that network, or let the operator start the server with --machine-network user.`,
    );
  const { addresses, ports } = forwarding;
  if (!addresses.includes(address))
    throw invalid(
      `address is ${address}; ports may lead to machines on ${addresses.join(', ')} only. The operator may allow others: --forward-address.`,
    );
  if (port < ports.first || port > ports.last)
    throw invalid(
      `port is ${port}; give one from ${ports.first} to ${ports.last}. The operator may allow others: --forward-ports.`,
    );
  const there = await work.forwards.ofMachines([id]);
  if (there.length >= forwardsMax)
    throw invalid(`Machine ${id} has ${forwardsMax} forwards already; remove one first.`);
  const same = there.find((one) => one.protocol === protocol && one.port === port);
  if (same && same.guestPort === guestPort && same.address === address)
    return viewOf(same, machine.status === 'ready');
  const added = await work.forwards.add({
    ...{ organisationId, machineId: id, protocol, address, port, guestPort },
  });
  // The port may lead to a machine of another organisation, of which nothing is said.
  if (!added)
    throw new AppError(
      'conflict',
      `Port ${port}/${protocol} leads to a machine already; choose another one, or remove that forward.`,
    );
  await work.machines.update(id, { networkDueAt: work.now() });
  return viewOf(added, machine.status === 'ready');
}

/** Closes a port. Throws `not_found`. */
export async function machineForwardRemove(
  { work, touched }: ChangeContext,
  id: MachineId,
  forwardId: number,
): Promise<void> {
  await work.machines.get(id);
  touched({ machineIds: [id] });
  if (!(await work.forwards.remove(id, forwardId)))
    throw notFound('forward', forwardId, `GET /machines/${id}/forwards`);
  await work.machines.update(id, { networkDueAt: work.now() });
}
