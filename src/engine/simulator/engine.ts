// A model of an engine: layers, disks and machines as records, kept in one file so that they
// outlive the server. For development without a hypervisor, for proofs, and for fleets of
// thousands. It proves nothing about disks.
//
// Time: what takes an engine seconds takes `durations` divided by `speed`, on the clock it is
// given. Faults on demand, by sentinel names: a machine or software whose name holds
// `sim-fail-start`, `sim-never-ready`, `sim-fail-build`, `sim-exit-7` or `sim-disk-full` does what
// its name says. A base whose disk holds `sim-never-ready` boots no guest that reports.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, failedForGood, failedForNow, invalid } from '../../domain/error.ts';
import type { Capacity } from '../../domain/host.ts';
import type { DiskId, LayerId, MachineId } from '../../domain/ids.ts';
import type { Clock } from '../../lib/clock.ts';
import { exists, sha256File, statOrNull, writeWhole } from '../../lib/files.ts';
import { Turns } from '../../lib/turns.ts';
import type { BuildResult } from '../port/builds.ts';
import type { Engine } from '../port/engine.ts';

export interface SimulatorOptions {
  /** The folder in which its state is kept. */
  root: string;
  clock: Clock;
  /** How many times faster than a real engine; 0 is without any waiting. */
  speed: number;
}

const stateFile = 'simulator.json';
const durations = { bootMs: 8000, buildMs: 6000, stopMs: 2000 };
const layerBytes = 4 * 1024 * 1024;

const neverReady = 'sim-never-ready';
const sentinelBytesMax = 64 * 1024;

interface State {
  layers: Record<string, { parent: string | null; content: string[]; virtualBytes: number }>;
  disks: Record<string, { layer: string; content: string[]; sizeBytes: number }>;
  machines: Record<string, { disk: string; name: string; readyAt: number }>;
  files: Record<string, true>;
}

/** The simulator's own verbs, for tests that look at or write to a simulated disk. */
export interface Simulator extends Engine {
  writeToDisk(diskId: DiskId, text: string): Promise<void>;
  contentOf(diskId: DiskId): string[];
  /** Changes a sealed layer's bytes, as a failing disk would. */
  rot(layerId: LayerId): Promise<void>;
  /** Takes a layer away, as an operator's mistake would. */
  lose(layerId: LayerId): Promise<void>;
  /** Gives a layer the bytes again that it had before it rotted or was lost. */
  mend(layerId: LayerId): Promise<void>;
  setCapacity(capacity: Capacity): void;
  /** Ends a machine as if its guest had powered it off. */
  powerOff(machineId: MachineId): Promise<void>;
}

const readState = async (file: string): Promise<State> =>
  (await exists(file))
    ? (JSON.parse(await readFile(file, 'utf8')) as State)
    : { layers: {}, disks: {}, machines: {}, files: {} };

interface Exported {
  simulated: string[];
  virtualBytes: number;
}

/** What an export of the simulator holds; null for any other text. */
function exportedIn(text: string): Exported | null {
  try {
    const { simulated, virtualBytes } = JSON.parse(text) as Exported;
    const isWhole = Number.isSafeInteger(virtualBytes) && virtualBytes > 0;
    const isDisk =
      isWhole && Array.isArray(simulated) && simulated.every((one) => typeof one === 'string');
    return isDisk ? { simulated, virtualBytes } : null;
  } catch {
    return null;
  }
}

/** Changes with each writing of the file; null when there is none. */
const versionOf = async (file: string): Promise<string | null> => {
  const found = await statOrNull(file);
  return found && `${found.ino} ${found.mtimeMs} ${found.size}`;
};

/**
 * Brings what another process changed since `before` into the state; where both changed a record,
 * its own counts.
 */
function takeOver(state: State, before: State, theirs: State): void {
  for (const section of ['layers', 'disks', 'machines', 'files'] as const) {
    const [own, old, other]: Record<string, unknown>[] = [
      state[section],
      before[section],
      theirs[section],
    ];
    if (!own || !old || !other) continue;
    const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
    for (const id of new Set([...Object.keys(old), ...Object.keys(other)])) {
      if (same(old[id], other[id]) || !same(own[id], old[id])) continue;
      if (id in other) own[id] = other[id];
      else delete own[id];
    }
  }
}

export async function openSimulator({ root, clock, speed }: SimulatorOptions): Promise<Simulator> {
  const file = join(root, stateFile);
  let version = await versionOf(file);
  const state = await readState(file);
  const before = new Map<LayerId, State['layers'][string] | undefined>();
  let capacity: Capacity = { totalBytes: 10 ** 13, freeBytes: 10 ** 13 };
  // An operator's command is another process on the same file: what it wrote is taken over before
  // anything is done or saved. Reading and writing take turns, so that what is read is never older
  // than what this process wrote last.
  const turns = new Turns();
  let common = JSON.stringify(state);
  const takeIn = async () => {
    const found = await versionOf(file);
    if (found === null || found === version) return;
    const theirs = await readState(file);
    takeOver(state, JSON.parse(common) as State, theirs);
    [common, version] = [JSON.stringify(theirs), found];
  };
  const refresh = async () => {
    const found = await versionOf(file);
    if (found !== null && found !== version) await turns.take(file, takeIn);
  };
  // Who comes while the file is being written waits for the next writing, which is for all who came
  // meanwhile.
  let next: Promise<void> | null = null;
  const save = () => {
    next ??= turns.take(file, async () => {
      await takeIn();
      next = null;
      const text = JSON.stringify(state);
      await writeWhole(file, text, 0o600);
      [common, version] = [text, await versionOf(file)];
    });
    return next;
  };
  const wait = (ms: number, signal?: AbortSignal) =>
    speed === 0 ? Promise.resolve() : clock.sleep(ms / speed, signal);
  const chain = (layerId: string): string[] => {
    const layer = state.layers[layerId];
    return layer ? [...(layer.parent ? chain(layer.parent) : []), ...layer.content] : [];
  };
  const stored = (content: string[]) => layerBytes + content.join('').length;

  const simulator: Simulator = {
    name: 'simulator',
    capabilities: { constantTimeCapture: true, exec: false },
    async check() {},
    async tidy() {},

    async importBase(layerId, files) {
      const found = await statOrNull(files.disk);
      if (!found?.isFile()) throw invalid(`${files.disk} is not a file that can be read.`);
      const digest = `sha256:${await sha256File(files.disk)}`;
      const small = found.size <= sentinelBytesMax ? await readFile(files.disk, 'latin1') : '';
      const sentinel = small.includes(neverReady) ? ` ${neverReady}` : '';
      state.layers[layerId] = {
        parent: null,
        content: [`base ${digest}${sentinel}`],
        virtualBytes: found.size,
      };
      await save();
      return { digest, virtualBytes: found.size, storedBytes: found.size };
    },
    async importFile(sha256, path) {
      if (state.files[sha256]) return;
      const digest = await sha256File(path);
      if (digest !== sha256)
        throw invalid(`The file ${path} has the digest ${digest}, not ${sha256}; it has changed.`);
      state.files[sha256] = true;
      await save();
    },

    async ensureDisk({ diskId, layerId, sizeBytes }) {
      if (state.disks[diskId]) return;
      if (!state.layers[layerId])
        throw failedForGood('The layer of this image is missing.', { detail: layerId });
      state.disks[diskId] = { layer: layerId, content: [], sizeBytes };
      await save();
    },
    async sealDisk({ diskId, layerId, sizeBytes }) {
      const disk = state.disks[diskId];
      if (!disk) throw failedForGood("The machine's disk is missing.", { detail: diskId });
      if (!state.layers[layerId]) {
        state.layers[layerId] = {
          parent: disk.layer,
          content: disk.content,
          virtualBytes: sizeBytes,
        };
        state.disks[diskId] = { layer: layerId, content: [], sizeBytes };
        await save();
      }
      return { virtualBytes: sizeBytes, storedBytes: stored(state.layers[layerId]?.content ?? []) };
    },
    async unsealDisk(diskId, layerId) {
      const layer = state.layers[layerId];
      if (!layer?.parent) return;
      state.disks[diskId] = {
        layer: layer.parent,
        content: layer.content,
        sizeBytes: layer.virtualBytes,
      };
      delete state.layers[layerId];
      await save();
    },
    async rewriteLayer({ layerId, parentId }) {
      const layer = state.layers[layerId];
      if (!layer || !state.layers[parentId])
        throw failedForGood('A layer of this image is missing.', { detail: layerId });
      layer.content = chain(layerId).slice(chain(parentId).length);
      layer.parent = parentId;
      await save();
      return { storedBytes: stored(layer.content) };
    },
    async exportLayer({ layerId, path }) {
      const layer = state.layers[layerId];
      if (!layer) throw failedForGood('A layer of this image is missing.', { detail: layerId });
      const text = JSON.stringify({ simulated: chain(layerId), virtualBytes: layer.virtualBytes });
      await writeWhole(path, text, 0o600);
      const bytes = Buffer.byteLength(text);
      return { bytes, heldBytes: bytes, tail: null };
    },
    async importLayer({ layerId, path, parentId, bytesMax }) {
      const given = exportedIn(await readFile(path, 'utf8'));
      if (given === null) throw invalid('The file is not a disk that the simulator has exported.');
      const content = given.simulated.slice(parentId === null ? 0 : chain(parentId).length);
      const { virtualBytes } = given;
      if (stored(content) > bytesMax)
        throw invalid(`The disk takes more than the ${bytesMax} bytes that there is room for.`);
      state.layers[layerId] = { parent: parentId, content, virtualBytes };
      await save();
      return { virtualBytes, storedBytes: stored(content) };
    },
    bootFault: async () => null,
    async removeDisk(diskId) {
      delete state.disks[diskId];
      await save();
    },
    async removeLayer(layerId) {
      delete state.layers[layerId];
      await save();
    },

    async buildLayer(
      { layerId, parentId, recipe, label, sizeBytes },
      signal,
    ): Promise<BuildResult> {
      const done = (output: string, exitCode = 0) => ({
        exitCode,
        output,
        virtualBytes: sizeBytes,
        storedBytes: exitCode === 0 ? layerBytes : 0,
      });
      if (state.layers[layerId]) return done('');
      if (!state.layers[parentId])
        throw failedForGood('The layer of this image is missing.', { detail: parentId });
      await wait(durations.buildMs, signal);
      if (chain(parentId).join().includes(neverReady))
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
      if (label.includes('sim-disk-full'))
        throw failedForNow("The host's disk is full. Free some space there, then try again.");
      state.layers[layerId] = {
        parent: parentId,
        content: [recipe.script],
        virtualBytes: sizeBytes,
      };
      await save();
      return done(`simulated: ${label}\n`);
    },

    async startMachine({ machineId, diskId, name }) {
      if (name.includes('sim-fail-start'))
        throw failedForNow('The machine could not be started: it fails on purpose.');
      if (!state.disks[diskId])
        throw failedForGood("The machine's disk is missing.", { detail: diskId });
      if (state.machines[machineId]?.disk === diskId) return;
      const readyAt = [name, ...chain(state.disks[diskId].layer)].join().includes(neverReady)
        ? Number.MAX_SAFE_INTEGER
        : clock.now() + (speed === 0 ? 0 : durations.bootMs / speed);
      state.machines[machineId] = { disk: diskId, name, readyAt };
      await save();
    },
    async machineState(machineId) {
      const machine = state.machines[machineId];
      if (!machine) return 'off';
      return clock.now() >= machine.readyAt ? 'ready' : 'on';
    },
    // Its guests have none.
    console: async () => '',
    async stopMachine(machineId, graceMs) {
      if (!state.machines[machineId]) return;
      if (graceMs > 0) await wait(durations.stopMs);
      delete state.machines[machineId];
      await save();
    },
    // Its host is never full.
    pausedMachines: async () => new Set(),
    resumeMachine: async () => false,
    async runningMachines() {
      return new Set(Object.keys(state.machines).map((id) => Number(id) as MachineId));
    },
    async exec() {
      throw new AppError(
        'invalid',
        'The simulator runs no guests, so no command can be run in one; use the qemu engine.',
      );
    },
    async inventory() {
      const sizes = <Id extends string>(records: Record<string, { content: string[] }>) =>
        new Map(Object.entries(records).map(([id, { content }]) => [id as Id, stored(content)]));
      return {
        layers: sizes<LayerId>(state.layers),
        disks: sizes<DiskId>(state.disks),
        files: new Set(Object.keys(state.files)),
      };
    },
    async backUp({ folder, layers, disks, files }) {
      // As the server left it, which may be another process; what an earlier call copied stays.
      const [now, copy] = [await readState(file), await readState(join(folder, stateFile))];
      const missing: string[] = [];
      for (const [name, ids] of [
        ['layers', layers],
        ['disks', disks.map(({ diskId }) => diskId)],
        ['files', files],
      ] as const) {
        const from: Record<string, unknown> = now[name];
        missing.push(...ids.filter((id) => !(id in from)));
        Object.assign(
          copy[name],
          Object.fromEntries(ids.filter((id) => id in from).map((id) => [id, from[id]])),
        );
      }
      await writeWhole(join(folder, stateFile), JSON.stringify(copy), 0o600);
      return missing;
    },
    async layerDigest(layerId, bytesPerSecond, signal) {
      if (bytesPerSecond > 0) await clock.sleep((layerBytes / bytesPerSecond) * 1000, signal);
      const layer = state.layers[layerId];
      if (!layer) throw failedForGood('A layer cannot be read.', { detail: layerId });
      return `sha256:${createHash('sha256').update(JSON.stringify(layer.content)).digest('hex')}`;
    },
    capacity: async () => capacity,
    async close() {
      await turns.take(file, async () => {});
    },

    async writeToDisk(diskId, text) {
      state.disks[diskId]?.content.push(text);
      await save();
    },
    async rot(layerId) {
      before.set(layerId, structuredClone(state.layers[layerId]));
      state.layers[layerId]?.content.push('four bytes that are not what they were');
      await save();
    },
    async lose(layerId) {
      before.set(layerId, state.layers[layerId]);
      delete state.layers[layerId];
      await save();
    },
    async mend(layerId) {
      const layer = before.get(layerId);
      if (layer) state.layers[layerId] = layer;
      await save();
    },
    setCapacity(next) {
      capacity = next;
    },
    contentOf(diskId) {
      const disk = state.disks[diskId];
      return disk ? [...chain(disk.layer), ...disk.content] : [];
    },
    async powerOff(machineId) {
      delete state.machines[machineId];
      await save();
    },
  };
  return afterRefresh(simulator, refresh);
}

/** Every verb sees what other processes have written. */
function afterRefresh(simulator: Simulator, refresh: () => Promise<void>): Simulator {
  const verbs = Object.entries(simulator).map(([name, verb]) => {
    if (typeof verb !== 'function' || plainVerbs.has(name)) return [name, verb];
    return [
      name,
      async (...args: never[]) =>
        refresh().then(() => (verb as (...given: never[]) => unknown)(...args)),
    ];
  });
  return Object.fromEntries(verbs) as Simulator;
}

/** They answer at once. */
const plainVerbs = new Set(['contentOf', 'setCapacity', 'close']);
