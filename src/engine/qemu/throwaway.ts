// Starts a machine without a network that belongs to nobody, and waits until it is ready. It is a
// build to the rest of the engine: it has a build's user and folder, and no server that starts lets
// it live. `removeBuild` ends it.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { consoleReason } from '../../domain/console.ts';
import { failedForGood } from '../../domain/error.ts';
import type { DiskId, LayerId, MachineId, TemplateId } from '../../domain/ids.ts';
import { systemClock } from '../../lib/clock.ts';
import { newId } from '../../lib/new-id.ts';
import { plainConsole } from '../../lib/plain-console.ts';
import { hardwareOf, identityOf } from '../identity.ts';
import type { ChainBoot } from '../port/layers.ts';
import type { Guest } from './command.ts';
import type { Cage } from './confine.ts';
import { createOverlay } from './disk-file.ts';
import { assertHardware } from './firmware.ts';
import { ensureState, writableState } from './firmware-state.ts';
import { giveTo, type Host, prepareFolders } from './host.ts';
import { Newcomer } from './newcomer.ts';
import { findProcess, type Own, processName } from './process.ts';
import { virtualBytesOf } from './qcow2.ts';
import { monitorCall } from './qmp.ts';
import { takeRing } from './ring.ts';
import { writeMachineSeed } from './seed.ts';
import { launchGuest } from './tpm.ts';
import { askPulse, hasEnded } from './vitals.ts';

const [pollMs, monitorMs] = [100, 5000];
const consoleCharsKept = 16_384;
/** No machine has it. */
const nobody = 0 as MachineId;

interface ThrowawaySpec extends ChainBoot {
  /** The id under which its disk and its process are found. */
  id: LayerId | TemplateId;
  /** The layer below its disk. */
  layerId: LayerId;
  sizeBytes: number;
  cpus: number;
  memoryMb: number;
  /** Of a machine that becomes a template: the descriptor of its memory. */
  memoryFd?: number;
}

export type Throwaway = Awaited<ReturnType<typeof startThrowaway>>;

/** Starts it on an empty overlay of the layer. What an earlier call left must be gone. */
export async function startThrowaway(
  spec: ThrowawaySpec,
  signal: AbortSignal,
  context: Own & { host: Host },
) {
  const { host, paths, installation } = context;
  const { id, layerId, sizeBytes, cpus, memoryMb, memoryFd, boot } = spec;
  await assertHardware(boot, host);
  const user = host.guestUser('build', id);
  const [folder, run] = [paths.build(id), paths.run('build', id)];
  const disk = join(paths.builds, `${id}.qcow2`);
  await prepareFolders(folder, []);
  await createOverlay(disk, paths.backing(layerId), sizeBytes, user, signal);
  const identity = identityOf(newId<DiskId>(), 'trial', nobody);
  const grows = sizeBytes > (await virtualBytesOf(paths.layer(layerId)));
  const template = memoryFd !== undefined;
  await writeMachineSeed(folder, { identity, grows, template, path: user.path });
  await mkdir(run, { mode: 0o700 });
  await giveTo(user, run);
  const state = paths.buildState(id);
  await ensureState(state, { boot, layer: paths.layerState(layerId), user, fresh: true });
  const seed = join(folder, 'seed.iso');
  const guest: Guest = {
    ...{ boot, baseLayerId: spec.baseLayerId, chain: spec.chain },
    ...{ cpus, memoryMb, memory: template ? 'template' : 'own', build: false, card: null },
    name: processName(installation, 'build', id),
    disk: paths.fromGuest(disk),
    seed: paths.fromGuest(seed),
    variables: paths.fromGuest(state.variables),
    hardware: hardwareOf(installation, nobody),
    // A template's command line stays visible in its clones, so it names no identity.
    ...(template ? {} : { fresh: identity }),
  };
  const cage: Cage = {
    user,
    cwd: run,
    // A template sends its state to a socket in this folder.
    readable: [...paths.chain(spec), template ? folder : seed],
    writable: [run, disk, ...writableState(boot, state)],
    processes: template,
    kvm: host.accel === 'kvm',
    mortal: true,
  };
  const descriptors = memoryFd === undefined ? [] : [memoryFd];
  const launching = { guest, cage, tpm: state.tpm, kind: 'build' as const, id, descriptors };
  await launchGuest(launching, context, signal);
  const agent = join(run, 'agent.sock');
  const [monitor, orders] = [join(run, 'qmp.sock'), join(run, 'orders.sock')];
  const newcomer = new Newcomer({ identity, grows, template, agent, giveLink: async () => {} });
  return { id, disk, agent, monitor, orders, newcomer };
}

/**
 * Throws `internal`, with the end of the console, for a machine that goes off or is not ready in
 * time.
 */
export async function waitReady(
  { id, monitor, newcomer }: Throwaway,
  timeoutMs: number,
  signal: AbortSignal,
  own: Own,
): Promise<void> {
  const read = async (ring: 'console' | 'result') =>
    (await takeRing((execute, args) => monitorCall(monitor, execute, args, monitorMs), ring)) ?? '';
  const end = performance.now() + timeoutMs;
  for (let console = ''; ; await systemClock.sleep(pollMs, signal)) {
    console = (console + (await read('console'))).slice(-consoleCharsKept);
    const state = await newcomer.state(await read('result'), console);
    // A script that still runs there holds the agent's channel, and would write an identity later.
    if (state !== 'on' && !newcomer.isAsking) return;
    const seen = () => consoleReason(plainConsole(console));
    const isGone = (await findProcess(own, 'build', id)) === undefined;
    if (isGone || hasEnded(await askPulse(own.paths.run('build', id))))
      throw failedForGood(
        `A machine that was started on it once went off before it was ready.${seen()}`,
      );
    if (performance.now() >= end)
      throw failedForGood(
        `A machine that was started on it once was not ready within ${Math.round(timeoutMs / 1000)} s.${seen()}`,
      );
  }
}
