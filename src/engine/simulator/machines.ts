// Builds and machines of the simulator: they take time, and fail when their names say so.

import { failedForGood, failedForNow, invalid } from '../../domain/error.ts';
import { diskFull } from '../../domain/host.ts';
import type { MachineId } from '../../domain/ids.ts';
import { sha256Of } from '../../lib/content.ts';
import type { Trial } from '../optional/trial.ts';
import type { Vital, Vitals } from '../optional/vitals.ts';
import type { BuildResult, Builds } from '../port/builds.ts';
import type { Machines } from '../port/machines.ts';
import { templateFault } from './instant.ts';
import { durations, neverReady, type Pace, wait } from './pace.ts';
import { chainContent, layerBytes, type State, type StateFile } from './state.ts';

export const buildsIn = (file: StateFile, pace: Pace): Builds => ({
  async importFile({ sha256, content }, { signal }) {
    const state = await file.current();
    if (state.files[sha256]) return;
    const digest = await sha256Of(content, signal);
    if (digest !== sha256)
      throw invalid(
        `The file ${content.path ?? 'that was given'} has the digest ${digest}, not ${sha256}; it has changed.`,
      );
    state.files[sha256] = true;
    await file.save();
  },

  async buildLayer({ layerId, parentId, recipe, label, sizeBytes, onLine }, { signal }) {
    const state = await file.current();
    const done = (output: string, exitCode = 0): BuildResult => ({
      exitCode,
      output,
      virtualBytes: sizeBytes,
      storedBytes: exitCode === 0 ? layerBytes : 0,
    });
    if (state.layers[layerId]) return done('');
    if (!state.layers[parentId])
      throw failedForGood('The layer of this image is missing.', { detail: parentId });
    onLine?.(`simulated: ${label}`);
    await wait(pace, durations.buildMs, signal);
    if (chainContent(state, parentId).join().includes(neverReady))
      throw failedForGood(
        `${label} was not done within its limit of ${Math.round(recipe.timeoutMs / 1000)} s.`,
      );
    if (label.includes('sim-fail-build'))
      return done(`${label}: this software fails on purpose\n`, 1);
    // A recipe that says so at its end fails here too; nothing else of it is run.
    const exit = label.includes('sim-exit-7')
      ? 7
      : Number(/^exit (\d{1,3})\s*$/m.exec(recipe.script)?.[1] ?? 0);
    if (exit !== 0) return done(`exit ${exit}\n`, exit);
    if (label.includes('sim-disk-full')) throw diskFull();
    state.layers[layerId] = { parent: parentId, content: [recipe.script], virtualBytes: sizeBytes };
    await file.save();
    return done(`simulated: ${label}\n`);
  },
});

export const machinesIn = (file: StateFile, pace: Pace): Machines => ({
  async startMachine({ machineId, diskId, name, fresh, template }) {
    const state = await file.current();
    if (name.includes('sim-fail-start'))
      throw failedForNow('The machine could not be started: it fails on purpose.');
    const disk = state.disks[diskId];
    if (!disk) throw failedForGood("The machine's disk is missing.", { detail: diskId });
    const before = state.machines[machineId];
    if (before?.disk === diskId && isAlive(before)) return { how: 'cold', because: null };
    const { clock, speed } = pace;
    const because = fresh && template ? templateFault(state, template) : null;
    const isInstant = fresh && template !== undefined && because === null;
    const startMs = isInstant ? durations.cloneMs : durations.bootMs;
    const readyAt = [name, ...chainContent(state, disk.layer)].join().includes(neverReady)
      ? Number.MAX_SAFE_INTEGER
      : clock.now() + (speed === 0 ? 0 : startMs / speed);
    state.machines[machineId] = { disk: diskId, name, readyAt };
    await file.save();
    return isInstant ? { how: 'instant' } : { how: 'cold', because };
  },
  async machineState(machineId) {
    const machine = (await file.current()).machines[machineId];
    if (!machine || !isAlive(machine))
      return machine?.vital?.pulse === 'crashed' ? 'crashed' : 'off';
    return pace.clock.now() >= machine.readyAt ? 'ready' : 'on';
  },
  async stopMachine({ machineId, graceMs }, { signal }) {
    const state = await file.current();
    if (!state.machines[machineId]) return;
    if (graceMs > 0) await wait(pace, durations.stopMs, signal);
    delete state.machines[machineId];
    await file.save();
  },
  async runningMachines() {
    const { machines } = await file.current();
    return new Set(Object.keys(machines).map((id) => Number(id) as MachineId));
  },
});

const isAlive = ({ vital }: State['machines'][string]): boolean =>
  ['running', 'rebooting', 'paused'].includes(vital?.pulse ?? 'running');

const unknown: Vital = { pulse: 'running', heardAgoMs: null, users: null, cpuShare: null };

/** A guest of the simulator runs, and nothing is known of it, but what a test says of it. */
export const vitalsIn = (file: StateFile): Vitals => ({
  async look() {
    const vitals = new Map<MachineId, Vital>();
    for (const [id, { vital }] of Object.entries((await file.current()).machines))
      vitals.set(Number(id) as MachineId, vital ? { ...unknown, ...vital } : unknown);
    return vitals;
  },
});

export const trialIn = (file: StateFile, pace: Pace): Trial => ({
  async bootOnce({ layerId, timeoutMs }, { signal }) {
    const state = await file.current();
    await wait(pace, durations.bootMs, signal);
    if (chainContent(state, layerId).join().includes(neverReady))
      throw failedForGood(
        `A machine that was started on it once was not ready within ${Math.round(timeoutMs / 1000)} s.`,
      );
  },
});
