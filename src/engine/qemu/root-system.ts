// Asks the guest agent how large the root file system of a machine is, and, where it leaves much of
// the disk unused, what lies around it. The guest controls every answer, so each is bounded and
// judged, and names that are not plain are left out.

import type { RootSystem } from '../../domain/root-system.ts';
import { openAgent } from './agent.ts';
import { agentRead } from './agent-file.ts';
import { isMuch, type RootLayout, unusedAdvice } from './growth-advice.ts';
import { virtualBytesMax } from './qcow2.ts';
import { type JsonSocket, type Message, PeerRefusal } from './qmp.ts';

/** So many file systems, and disks with their partitions, are looked at. */
const lookedMax = 128;
/** So many partitions are asked about. */
const partitionsMax = 16;
const sectorBytes = 512;

interface System {
  name: string;
  mountpoint: string;
  type: string;
  bytes: number;
}

interface Device {
  name: string;
  isPartition: boolean;
  /** The names of the devices below it. */
  below: string[];
  alias: string | null;
}

const plain = (value: unknown): string | null =>
  typeof value === 'string' && /^[A-Za-z0-9][\w.+-]{0,63}$/.test(value) ? value : null;

/** The name of a device file, without its folder. */
const deviceOf = (value: unknown): string | null =>
  typeof value === 'string' ? plain(value.replace(/^\/dev\//, '')) : null;

const itemsOf = (value: unknown): Message[] =>
  (Array.isArray(value) ? value.slice(0, lookedMax) : []).filter(
    (item): item is Message => typeof item === 'object' && item !== null,
  );

/** The file systems of an answer to `guest-get-fsinfo` whose size is told. */
export const systemsIn = (answer: unknown): System[] =>
  itemsOf(answer).flatMap((one) => {
    const { mountpoint } = one;
    const windows = typeof mountpoint === 'string' ? /^([A-Z]:)\\$/.exec(mountpoint)?.[1] : null;
    const [name, type] = [windows ?? plain(one.name), plain(one.type)];
    // Newer agents tell what root may use too.
    const bytes = one['total-bytes-privileged'] ?? one['total-bytes'];
    const isSize = Number.isSafeInteger(bytes) && Number(bytes) > 0;
    if (name === null || type === null || typeof mountpoint !== 'string' || !isSize) return [];
    return Number(bytes) > virtualBytesMax
      ? []
      : [{ name, mountpoint, type, bytes: Number(bytes) }];
  });

/** The devices of an answer to `guest-get-disks`. */
export const devicesIn = (answer: unknown): Device[] =>
  itemsOf(answer).flatMap((one) => {
    const name = deviceOf(one.name);
    if (name === null) return [];
    const given = Array.isArray(one.dependencies) ? one.dependencies.slice(0, lookedMax) : [];
    const below = given.flatMap((device) => deviceOf(device) ?? []);
    return [{ name, isPartition: one.partition === true, below, alias: plain(one.alias) }];
  });

/** A device and all that lie below it. */
function stackOf(name: string, devices: readonly Device[]): Device[] {
  const stack: Device[] = [];
  for (const todo = [name]; todo.length > 0 && stack.length < lookedMax; ) {
    const next = todo.shift();
    const found = devices.find((device) => device.name === next);
    if (!found || stack.includes(found)) continue;
    stack.push(found);
    todo.push(...found.below);
  }
  return stack;
}

/**
 * Returns null when the agent does not tell of a root. Rejects when none answers in time.
 * `diskBytes` is the size of the machine's disk.
 */
export async function rootSystemOf(
  path: string,
  diskBytes: number,
  timeoutMs: number,
): Promise<RootSystem | null> {
  const agent = await openAgent(path, timeoutMs);
  const asked = await answersOf(agent, timeoutMs).finally(() => agent.close());
  const systems = systemsIn(asked.systems);
  const root =
    systems.find(({ mountpoint }) => mountpoint === '/') ??
    systems.find(({ mountpoint }) => mountpoint === 'C:\\');
  if (root === undefined) return null;
  const devices = devicesIn(asked.disks);
  const stack = stackOf(root.name, devices);
  const base = stack.at(-1)?.name;
  const isBeside = ({ name }: System) =>
    base === undefined || stackOf(name, devices).some((device) => device.name === base);
  const beside = new Map(systems.filter(isBeside).map((one) => [one.name, one.bytes]));
  const usedBytes = [...beside.values()].reduce((sum, bytes) => sum + bytes, 0);
  const { type, bytes } = root;
  const device = stack[0]?.alias ?? root.name;
  const shown = { device, type, bytes, diskBytes };
  if (!isMuch(diskBytes - usedBytes, diskBytes)) return { ...shown, unused: null };
  const kind = root.mountpoint === '/' ? 'linux' : 'windows';
  const around = await aroundOf({ path, timeoutMs }, { stack, devices });
  return { ...shown, unused: unusedAdvice({ ...shown, kind, ...around }) };
}

/** An agent that may not answer one of them answers null. */
async function answersOf(agent: JsonSocket, timeoutMs: number) {
  const ask = (name: string) =>
    agent.call(name, {}, timeoutMs).catch((error) => {
      if (error instanceof PeerRefusal) return null;
      throw error;
    });
  return { systems: await ask('guest-get-fsinfo'), disks: await ask('guest-get-disks') };
}

/** Reads from the files that a Linux has of its devices where the root lies on its disk. */
async function aroundOf(
  { path, timeoutMs }: { path: string; timeoutMs: number },
  { stack, devices }: { stack: readonly Device[]; devices: readonly Device[] },
): Promise<Pick<RootLayout, 'holder' | 'disk' | 'partition' | 'behind'>> {
  const [top] = stack;
  const disk = stack.at(-1)?.name ?? '';
  if (top === undefined) return { holder: null, disk, partition: null, behind: null };
  const read = (file: string) =>
    agentRead(path, file, 0, timeoutMs).then(
      (content) => content.toString('latin1').slice(0, 4096),
      () => '',
    );
  const swaps = await read('/proc/swaps');
  const partitions: { name: string; startBytes: number; endBytes: number }[] = [];
  const onDisk = devices.filter(({ isPartition, below }) => isPartition && below.includes(disk));
  for (const { name } of onDisk.slice(0, partitionsMax)) {
    const sectors = async (file: string) => Number(await read(`/sys/class/block/${name}/${file}`));
    const startBytes = (await sectors('start')) * sectorBytes;
    partitions.push({
      name,
      startBytes,
      endBytes: startBytes + (await sectors('size')) * sectorBytes,
    });
  }
  const holding = stack.find(({ isPartition }) => isPartition);
  const own = partitions.find(({ name }) => name === holding?.name) ?? null;
  const behind =
    partitions
      .filter(({ startBytes }) => own !== null && startBytes >= own.endBytes)
      .sort((one, other) => one.startBytes - other.startBytes)[0] ?? null;
  return {
    holder: await holderOf(top, read),
    disk,
    partition: own,
    behind: behind && {
      name: behind.name,
      isSwap: swaps.split('\n').some((line) => line.startsWith(`/dev/${behind.name} `)),
    },
  };
}

async function holderOf(
  { name, isPartition, below }: Device,
  read: (file: string) => Promise<string>,
): Promise<RootLayout['holder']> {
  if (isPartition) return 'partition';
  if (below.length === 0) return 'disk';
  return (await read(`/sys/class/block/${name}/dm/uuid`)).startsWith('LVM-') ? 'lvm' : 'mapped';
}
