// A build machine boots an overlay on the parent, runs one recipe in it, and ends. It never
// outlives its build: when a server dies, its build machine is ended and removed before the step is
// tried again.

import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { buildGuest, usualBuildGuest } from '../../domain/account.ts';
import { consoleReason } from '../../domain/console.ts';
import { failedForGood, failedForNow } from '../../domain/error.ts';
import { diskFull } from '../../domain/host.ts';
import type { LayerId, TemplateId } from '../../domain/ids.ts';
import { exists, moveDurably } from '../../lib/files.ts';
import { plainConsole } from '../../lib/plain-console.ts';
import { lastLines, outOfMemory, runBoots } from '../build-end.ts';
import type { BuildResult, BuildSpec } from '../port/builds.ts';
import { runByAgent } from './agent-build.ts';
import { agentRun, agentSeedLabel, windowsRebootStatus } from './agent-script.ts';
import { type Outcome, outputBytesMax, runGuest } from './build-guest.ts';
import { qemuArgs } from './command.ts';
import { type Cage, caged } from './confine.ts';
import { createOverlay, layerBytes, makeImmutable } from './disk-file.ts';
import { assertHardware } from './firmware.ts';
import { captureState, ensureState, removeState, writableState } from './firmware-state.ts';
import { giveTo, type Host, prepareFolders } from './host.ts';
import { endProcess, findProcess, type Own, processName } from './process.ts';
import { exitMark, writeBuildSeed } from './seed.ts';
import { endTpm, startTpm } from './tpm.ts';

/**
 * The size of a build machine whose boot profile asks for no other. Under emulation each virtual
 * processor keeps one of the host busy, even while the guest has little to do. So a build with two
 * of them takes both processors of a small host, and leaves none for the build beside it.
 */
const usualSize = ({ accel }: Host) =>
  accel === 'tcg' && availableParallelism() < 4 ? { ...usualBuildGuest, cpus: 1 } : usualBuildGuest;

export async function buildLayer(
  spec: BuildSpec,
  signal: AbortSignal,
  context: Own & { host: Host },
): Promise<BuildResult> {
  const { host, paths } = context;
  const user = host.guestUser('build', spec.layerId);
  const layer = paths.layer(spec.layerId);
  const sealed = async (output: string): Promise<BuildResult> => ({
    exitCode: 0,
    output,
    virtualBytes: spec.sizeBytes,
    storedBytes: await layerBytes(paths, spec.layerId),
  });
  await removeBuild(spec.layerId, context);
  if (await exists(layer)) return sealed('');
  await assertHardware(spec.boot, host);

  try {
    // The overlay lies one folder below the root, as disks and layers do, so its relative backing
    // name is right when it becomes a layer.
    const disk = join(paths.builds, `${spec.layerId}.qcow2`);
    await createOverlay(disk, paths.backing(spec.parentId), spec.sizeBytes, user, signal);
    const state = paths.buildState(spec.layerId);
    const below = paths.layerState(spec.parentId);
    await ensureState(state, { boot: spec.boot, layer: below, user, fresh: true });
    const whole = withReboots(spec);
    const outcome = await runBoots(whole, (start) =>
      runBoot(whole, { ...start, disk }, signal, context),
    );
    if (outcome.exitCode === 0 && outcome.ended === null && outcome.oomKills === 0) {
      await makeImmutable(disk);
      await captureState(spec.boot, state, paths.layerState(spec.layerId));
      await moveDurably(disk, layer);
      return sealed(outcome.output);
    }
    if (outcome.ended === 'aborted') signal.throwIfAborted();
    return refuse(outcome, spec);
  } finally {
    await removeBuild(spec.layerId, context);
  }
}

/** Installers of Windows ask for a reboot with a status of their own, when a title names none. */
function withReboots(spec: BuildSpec): BuildSpec {
  if (spec.boot.agentShell !== 'powershell') return spec;
  return { ...spec, recipe: { rebootStatus: windowsRebootStatus, ...spec.recipe } };
}

async function runBoot(
  spec: BuildSpec,
  { disk, boot, leftMs }: { disk: string; boot: number; leftMs: () => number },
  signal: AbortSignal,
  { host, ...own }: Own & { host: Host },
): Promise<Outcome> {
  const { paths, installation } = own;
  const { layerId, recipe, onLine } = spec;
  const user = host.guestUser('build', layerId);
  const [folder, run] = [paths.build(layerId), paths.run('build', layerId)];
  for (const left of [folder, run]) await rm(left, { recursive: true, force: true });
  await prepareFolders(folder, []);
  const token = randomBytes(16).toString('hex');
  const shell = spec.boot.agentShell;
  const facts = {
    ...{ instance: layerId, recipe, token, boot },
    fileOf: paths.file,
    environment: recipe.network ? host.proxy : {},
    path: user.path,
    ...(shell !== undefined && { label: agentSeedLabel }),
  };
  await writeBuildSeed(folder, facts);
  await mkdir(run, { mode: 0o700 });
  await giveTo(user, run);
  const seed = join(folder, 'seed.iso');
  const state = paths.buildState(layerId);
  const guest = {
    ...spec,
    name: processName(installation, 'build', layerId),
    disk: paths.fromGuest(disk),
    seed: paths.fromGuest(seed),
    variables: paths.fromGuest(state.variables),
    ...buildGuest(spec.boot.build ?? usualSize(host), [recipe]),
    build: shell === undefined,
    memory: 'own' as const,
    card: recipe.network
      ? { network: 'user' as const, restrict: false, ipv6: host.ipv6, mac: null }
      : null,
  };
  const cage: Cage = {
    user,
    cwd: run,
    readable: [...paths.chain(spec), seed],
    writable: [run, disk, ...writableState(spec.boot, state)],
    network: recipe.network,
    kvm: host.accel === 'kvm',
    mortal: true,
  };
  const options = { mark: exitMark(token), timeoutMs: leftMs(), onLine };
  const args = qemuArgs(guest, host, paths);
  const work = async () => {
    if (shell !== undefined) {
      const agent = { layerId, args, cage, run: agentRun(shell, facts) };
      const { rebootStatus } = recipe;
      return runByAgent({ ...agent, rebootStatus, ...options }, signal, own);
    }
    const command = await caged(cage, 'qemu-system-x86_64', args).catch((error) => {
      throw failedForNow('QEMU cannot be started.', { detail: String(error) });
    });
    return runGuest(command, run, options, signal);
  };
  if (!spec.boot.tpm) return work();
  await startTpm({ name: guest.name, cage, state: state.tpm, paths }, signal);
  try {
    return await work();
  } finally {
    await endTpm(own, 'build', layerId);
  }
}

function refuse(outcome: Outcome, spec: BuildSpec): BuildResult {
  const { exitCode, output, console, ended, oomKills } = outcome;
  // When the recipe printed nothing, the console says how far the machine got.
  const last = output.trim() === '' ? consoleReason(plainConsole(console)) : lastLines(output);
  const shown = { output: output.trim() === '' ? console : output };
  const seconds = Math.round(spec.recipe.timeoutMs / 1000);
  if (ended === 'disk-full') throw diskFull(`while building ${spec.label}`);
  if (ended === 'timeout')
    throw failedForGood(
      `${spec.label} was not done within its limit of ${seconds} s.${last}`,
      shown,
    );
  if (ended === 'output')
    throw failedForGood(
      `${spec.label} printed more than ${outputBytesMax} bytes while installing; make its script quieter.`,
      shown,
    );
  if (oomKills > 0) throw outOfMemory(spec.label, oomKills, shown.output);
  const byItself = endedByItself(outcome);
  if (byItself !== null)
    throw failedForGood(`The build machine of ${spec.label} ${byItself}${last}`, shown);
  if (exitCode === null || exitCode === 0) {
    throw failedForNow(`The build machine of ${spec.label} ended before its script did.${last}`, {
      detail: output,
      ...shown,
    });
  }
  return { exitCode, output, virtualBytes: 0, storedBytes: 0 };
}

/** How a build machine ended by itself before its recipe did; null when it did not. */
function endedByItself({ exitCode, ended, shutdown }: Outcome): string | null {
  if (exitCode !== null) return null;
  if (ended === 'panic' || shutdown === 'guest-panic')
    return 'stopped, because its kernel panicked.';
  if (ended !== null) return null;
  if (shutdown === 'guest-reset')
    return 'rebooted before its script was done. A script that needs a reboot ends with an exit status of its own that asks for it (silversmith software update --reboot-status).';
  if (shutdown === 'guest-shutdown')
    return 'was switched off from inside before its script was done.';
  return null;
}

/** Ends the process of a build and removes its files. Idempotent. */
export async function removeBuild(id: LayerId | TemplateId, own: Own): Promise<void> {
  const { paths } = own;
  const found = await findProcess(own, 'build', id);
  if (found) await endProcess(found);
  const state = paths.buildState(id);
  if (await exists(state.tpm)) await endTpm(own, 'build', id);
  await removeState(state);
  for (const path of [paths.build(id), paths.run('build', id)])
    await rm(path, { recursive: true, force: true });
  await rm(join(paths.builds, `${id}.qcow2`), { force: true });
}
