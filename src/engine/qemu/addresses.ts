// Learns the addresses of a machine: from its guest agent, else from the host's table of
// neighbours, which has those that the host has spoken with. The guest says both, so each address
// is judged, and few are kept.

import { isIP } from 'node:net';
import { runCommand } from '../../lib/spawn.ts';
import { openAgent } from './agent.ts';
import type { Message } from './qmp.ts';

const agentMs = 1500;
const commandMs = 5000;
const addressesMax = 16;
/** So many interfaces, and addresses of one, are looked at. */
const lookedMax = 64;

/** Of a loopback, of a link, of a group, or of nobody. */
const useless = /^(0\.|127\.|169\.254\.|22[4-9]\.|23\d\.|24\d\.|25\d\.|::$|::1$|fe[89ab]|ff)/i;

const itemsOf = (value: unknown): Message[] =>
  (Array.isArray(value) ? value.slice(0, lookedMax) : []).filter(
    (item): item is Message => typeof item === 'object' && item !== null,
  );

/** Returns those that are addresses by which a machine can be reached, each once. */
export function usable(given: readonly unknown[]): string[] {
  const plain = given.flatMap((one) =>
    typeof one === 'string' && isIP(one) !== 0 && !one.includes('%') && !useless.test(one)
      ? [one.toLowerCase()]
      : [],
  );
  return [...new Set(plain)].slice(0, addressesMax);
}

/** The addresses of the card with this hardware address, in the agent's answer. */
export const agentAddresses = (answer: unknown, mac: string): string[] =>
  usable(
    itemsOf(answer)
      .filter((one) => String(one['hardware-address']).toLowerCase() === mac)
      .flatMap((one) => itemsOf(one['ip-addresses']).map((address) => address['ip-address'])),
  );

/** The addresses that the host knows of the hardware address, in the answer of `ip -j neigh`. */
export const neighbours = (answer: unknown, mac: string): string[] =>
  usable(
    (Array.isArray(answer) ? answer : []).flatMap((one: Message | null) =>
      one?.lladdr === mac && !JSON.stringify(one.state ?? '').includes('FAILED') ? [one.dst] : [],
    ),
  );

interface Asked {
  /** The agent's socket. */
  agent: string;
  mac: string;
  /** Where programs are looked for. */
  path: string;
}

/** Returns none when neither the agent nor the host knows any. */
export async function addressesOf({ agent, mac, path }: Asked): Promise<string[]> {
  const socket = await openAgent(agent, agentMs).catch(() => null);
  try {
    const answer = await socket?.call('guest-network-get-interfaces', {}, agentMs);
    const said = agentAddresses(answer, mac);
    if (said.length > 0) return said;
  } catch {
    // An agent that cannot tell is like none.
  } finally {
    socket?.close();
  }
  const options = { env: { PATH: path }, timeoutMs: commandMs, outputBytesMax: 16 * 1024 ** 2 };
  const table = await runCommand('ip', ['-j', 'neigh', 'show'], options).catch(() => '');
  try {
    return neighbours(JSON.parse(table), mac);
  } catch {
    return [];
  }
}
