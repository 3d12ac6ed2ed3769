// Starts a machine on a layer once, without a network, and throws its disk away. It is a build to
// the rest of the engine: it has a build's user and folder, and no server that starts lets it live.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isUefi } from '../../domain/boot.ts';
import { consoleReason } from '../../domain/console.ts';
import { failedForGood } from '../../domain/error.ts';
import type { DiskId, MachineId } from '../../domain/ids.ts';
import { systemClock } from '../../lib/clock.ts';
import { newId } from '../../lib/new-id.ts';
import { plainConsole } from '../../lib/plain-console.ts';
import { hardwareOf, identityOf } from '../identity.ts';
import type { TrialSpec } from '../optional/trial.ts';
import { removeBuild } from './build.ts';
import type { Cage } from './confine.ts';
import { createOverlay } from './disk-file.ts';
import { assertHardware } from './firmware.ts';
import { ensureState } from './firmware-state.ts';
import { giveTo, type Host, prepareFolders } from './host.ts';
import { Newcomer } from './newcomer.ts';
import { findProcess, type Own, processName } from './process.ts';
import { monitorCall } from './qmp.ts';
import { writeMachineSeed } from './seed.ts';
import { launchGuest } from './tpm.ts';

const [cpus, memoryMb] = [1, 1024];
const [pollMs, monitorMs] = [300, 5000];
/** As large as the rings are; see command.ts. */
const rings = { console: 65_536, result: 4096 };
const consoleCharsKept = 16_384;
/** No machine has it. */
const nobody = 0 as MachineId;

export async function bootOnce(
  spec: TrialSpec,
  signal: AbortSignal,
  context: Own & { host: Host },
): Promise<void> {
  await removeBuild(spec.trialId, context);
  try {
    const newcomer = await start(spec, signal, context);
    await waitReady(spec, newcomer, signal, context);
  } finally {
    await removeBuild(spec.trialId, context);
  }
}

async function start(
  spec: TrialSpec,
  signal: AbortSignal,
  context: Own & { host: Host },
): Promise<Newcomer> {
  const { host, paths, installation } = context;
  const { trialId, layerId, sizeBytes, boot } = spec;
  await assertHardware(boot, host);
  const user = host.guestUser('build', trialId);
  const [folder, run] = [paths.build(trialId), paths.run('build', trialId)];
  const disk = join(paths.builds, `${trialId}.qcow2`);
  await prepareFolders(folder, []);
  await createOverlay(disk, paths.backing(layerId), sizeBytes, user, signal);
  const identity = identityOf(newId<DiskId>(), 'trial', nobody);
  await writeMachineSeed(folder, identity, user.path);
  await mkdir(run, { mode: 0o700 });
  await giveTo(user, run);
  const state = paths.buildState(trialId);
  await ensureState(state, { boot, layer: paths.layerState(layerId), user, fresh: true });
  const seed = join(folder, 'seed.iso');
  const guest = {
    ...{ boot, baseLayerId: spec.baseLayerId, chain: spec.chain },
    ...{ cpus, memoryMb, build: false, network: false, fresh: identity },
    name: processName(installation, 'build', trialId),
    disk: paths.fromGuest(disk),
    seed: paths.fromGuest(seed),
    variables: paths.fromGuest(state.variables),
    hardware: hardwareOf(installation, nobody),
  };
  const cage: Cage = {
    user,
    cwd: run,
    readable: [...paths.chain(spec), seed],
    writable: [run, disk, ...(isUefi(boot) ? [state.variables] : [])],
    kvm: host.accel === 'kvm',
    mortal: true,
  };
  const launching = { guest, cage, tpm: state.tpm, kind: 'build' as const, id: trialId };
  await launchGuest(launching, context, signal);
  return new Newcomer(identity, join(run, 'agent.sock'), async () => {});
}

/** Throws, with the end of the console, for a machine that goes off or is not ready in time. */
async function waitReady(
  { trialId, timeoutMs }: TrialSpec,
  newcomer: Newcomer,
  signal: AbortSignal,
  own: Own,
): Promise<void> {
  const socket = join(own.paths.run('build', trialId), 'qmp.sock');
  const read = (device: keyof typeof rings) =>
    monitorCall(socket, 'ringbuf-read', { device, size: rings[device] }, monitorMs).then(
      (said) => (typeof said === 'string' ? said : ''),
      () => '',
    );
  const end = performance.now() + timeoutMs;
  for (let console = ''; ; await systemClock.sleep(pollMs, signal)) {
    console = (console + (await read('console'))).slice(-consoleCharsKept);
    const state = await newcomer.state(await read('result'), console);
    if (state !== 'on') return;
    const seen = () => consoleReason(plainConsole(console));
    if ((await findProcess(own, 'build', trialId)) === undefined)
      throw failedForGood(
        `A machine that was started on it once went off before it was ready.${seen()}`,
      );
    if (performance.now() >= end)
      throw failedForGood(
        `A machine that was started on it once was not ready within ${Math.round(timeoutMs / 1000)} s.${seen()}`,
      );
  }
}
