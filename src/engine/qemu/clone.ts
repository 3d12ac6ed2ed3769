// Starts a machine from the memory of a template. The guest goes on where the template stopped, is
// made a machine of its own by a process that waits in it, and gets its card last. A failure ends
// the guest, empties the disk, and is told as the reason why the machine boots instead.

import { randomBytes } from 'node:crypto';
import { open, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock.ts';
import { exists, sha256File } from '../../lib/files.ts';
import { hardwareOf, type Identity } from '../identity.ts';
import type { UsableTemplate } from '../optional/instant.ts';
import type { MachineSpec } from '../port/machines.ts';
import { cardPlug } from './card.ts';
import { type Ended, faultOf, hasNone } from './clone-answer.ts';
import { CloneOrders, NoAnswer } from './clone-orders.ts';
import { ownOrder } from './clone-script.ts';
import { qemuArgs } from './command.ts';
import { createOverlay } from './disk-file.ts';
import { fingerprintOf, layoutOf } from './fingerprint.ts';
import type { Host } from './host.ts';
import type { LateWork } from './late-work.ts';
import { launch } from './launch.ts';
import { prepareGuest } from './machine-guest.ts';
import { stateFd } from './memory.ts';
import type { Connection } from './network.ts';
import { endProcess, findProcess, type Own } from './process.ts';
import { isEmptyOverlay, virtualBytesOf } from './qcow2.ts';
import { openMonitor } from './qmp.ts';
import { restoreState } from './saved-state.ts';
import { readRecord } from './template.ts';
import { type TemplateMemories, Unusable } from './template-memory.ts';

interface CloneContext extends Own {
  host: Host;
  connection: Connection;
  memories: TemplateMemories;
  late: LateWork;
}

const monitorMs = 5000;
/**
 * The guest goes on at once, or not at all; but where many start at once, each waits for a
 * processor, and to boot them instead would take far longer.
 */
const renewMs = 60_000;
const randomBytesDrawn = 64;
const [addressMs, addressPollMs] = [20_000, 100];
const hooksMs = 120_000;

/** The mark of a machine that is not yet one of its own; a start that finds it begins anew. */
export const cloningMark = (folder: string) => join(folder, 'cloning');

/** Returns why the machine has to boot, as the end of a sentence; null when it is ready. */
export async function startClone(
  spec: MachineSpec & { template: UsableTemplate },
  identity: Identity,
  signal: AbortSignal,
  context: CloneContext,
): Promise<string | null> {
  const { machineId } = spec;
  let hasBegun = false;
  try {
    await assertFits(spec, context);
    const orders = await context.memories.using(spec.template, (memoryFd) => {
      signal.throwIfAborted();
      hasBegun = true;
      return context.late.during(() => run(spec, { memoryFd, identity }, signal, context));
    });
    // Then the guest starts its journal anew, which takes it longer than all that it did until now.
    context.late.add(() => orders.close());
    return null;
  } catch (error) {
    const found = hasBegun ? await findProcess(context, 'machine', machineId) : undefined;
    if (found) await endProcess(found);
    signal.throwIfAborted();
    if (hasBegun) await emptyDisk(spec, signal, context);
    if (error instanceof Unusable) return error.message;
    return `its template could not be used (${String(error instanceof Error ? error.message : error).slice(0, 300)})`;
  }
}

/** Throws when the machine cannot be a clone of the template. Nothing has begun then. */
async function assertFits(
  spec: MachineSpec & { template: UsableTemplate },
  { paths, host }: CloneContext,
): Promise<void> {
  const { template, chain, cpus, memoryMb, diskId } = spec;
  const { templateId, stateSha256 } = template;
  const record = await readRecord(templateId, paths).catch(() => null);
  if (record === null) throw new Unusable('the files of its template are missing');
  if (record.resultLayerId !== chain[0]) throw new Unusable('its disk is not one of its template');
  if (record.cpus !== cpus || record.memoryMb !== memoryMb)
    throw new Unusable('its template was made for another machine type');
  if (record.fingerprint !== fingerprintOf(host, paths))
    throw new Unusable('its template was made with another QEMU or processor');
  if (record.layout !== layoutOf(spec, host, paths))
    throw new Unusable('its template has other devices');
  const state = await sha256File(paths.template(templateId, 'state')).catch(() => null);
  if (state === null) throw new Unusable('the files of its template are missing');
  if (state !== stateSha256) throw new Unusable('the state of its template is damaged');
  if ((await virtualBytesOf(paths.disk(diskId))) !== record.sizeBytes)
    throw new Unusable('its disk has another size than that of its template');
}

/** Returns the channel of the machine, which is ready then. */
async function run(
  spec: MachineSpec & { template: UsableTemplate },
  { memoryFd, identity }: { memoryFd: number; identity: Identity },
  signal: AbortSignal,
  context: CloneContext,
): Promise<CloneOrders> {
  const { host, paths, installation } = context;
  const { machineId, diskId, template } = spec;
  const disk = paths.disk(diskId);
  // Memory that does not belong to the disk would destroy it.
  if (!(await isEmptyOverlay(disk))) await emptyDisk(spec, signal, context);
  const { guest, cage } = await prepareGuest(spec, identity, context);
  await writeFile(cloningMark(paths.machine(machineId)), '', { flush: true });
  const args = qemuArgs({ ...guest, card: null, memory: 'clone', fresh: undefined }, host, paths);
  const state = await open(paths.template(template.templateId, 'state'), 'r');
  try {
    await launch(args, { ...cage, processes: true }, signal, [memoryFd, state.fd]);
  } finally {
    await state.close();
  }
  const folder = paths.run('machine', machineId);
  const monitor = await openMonitor(join(folder, 'qmp.sock'), monitorMs);
  // The template was stopped while somebody listened, so its process waits for the same here.
  const orders = await CloneOrders.open(join(folder, 'orders.sock')).catch((error) => {
    monitor.close();
    throw error;
  });
  const give = (order: string, limitMs: number) => inGuest(orders, order, limitMs, signal);
  try {
    await restoreState(monitor, stateFd, signal);
    await monitor.call('cont', undefined, monitorMs);
    const { card } = context.connection;
    const hardware = hardwareOf(installation, machineId);
    const random = randomBytes(randomBytesDrawn).toString('hex');
    const seconds = Date.now() / 1000;
    await give(ownOrder({ identity, hardware, random, seconds }), renewMs);
    if (card !== null) {
      for (const { execute, arguments: args } of cardPlug(card))
        await monitor.call(execute, args, monitorMs);
      await give('- - network', renewMs);
      await awaitAddress(orders, signal);
    }
    await give('- - hooks', hooksMs);
    await rename(cloningMark(paths.machine(machineId)), join(paths.machine(machineId), 'ready'));
    return orders;
  } catch (error) {
    orders.close();
    throw error;
  } finally {
    monitor.close();
  }
}

/** A guest without an address after its time goes on, as after a boot. */
async function awaitAddress(orders: CloneOrders, signal: AbortSignal): Promise<void> {
  const end = performance.now() + addressMs;
  while (performance.now() < end) {
    const { exitCode } = await answerTo(orders, '- - address', renewMs, signal);
    if (exitCode !== hasNone) return;
    await systemClock.sleep(addressPollMs, signal);
  }
}

/** Throws when the guest cannot be used after the order. */
async function inGuest(...asked: Parameters<typeof answerTo>): Promise<void> {
  const fault = faultOf(await answerTo(...asked));
  if (fault !== null) throw new Unusable(fault);
}

/** Throws when the guest gives no answer. */
async function answerTo(
  orders: CloneOrders,
  order: string,
  limitMs: number,
  signal: AbortSignal,
): Promise<Ended> {
  return orders.give(order, limitMs, signal).catch((error) => {
    throw error instanceof NoAnswer
      ? new Unusable(`its guest did not answer: ${error.message}`, { cause: error })
      : error;
  });
}

/** Puts an empty overlay in the place of a disk that was written to. */
export async function emptyDisk(
  { diskId, chain: [layerId] }: MachineSpec,
  signal: AbortSignal,
  { host, paths }: Own & { host: Host },
): Promise<void> {
  const disk = paths.disk(diskId);
  if (layerId === undefined || !(await exists(disk))) return;
  const size = await virtualBytesOf(disk);
  await createOverlay(disk, paths.backing(layerId), size, host.user, signal);
}
