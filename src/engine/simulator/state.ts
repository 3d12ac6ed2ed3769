// The simulator's state: layers, disks and machines as records in one file, which outlives the
// server. An operator's command is another process on the same file, so its changes are merged
// before any call reads or saves the state.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists, statOrNull, writeWhole } from '../../lib/files.ts';
import { Turns } from '../../lib/turns.ts';

export interface State {
  layers: Record<string, { parent: string | null; content: string[]; virtualBytes: number }>;
  disks: Record<string, { layer: string; content: string[]; sizeBytes: number }>;
  machines: Record<string, { disk: string; name: string; readyAt: number }>;
  files: Record<string, true>;
  templates: Record<string, SimulatedTemplate>;
}

/** The contents of its two files, and the machine that it fits. */
export interface SimulatedTemplate {
  state: string;
  memory: string;
  cpus: number;
  memoryMb: number;
}

const sections = ['layers', 'disks', 'machines', 'files', 'templates'] as const;

const empty = (): State => ({ layers: {}, disks: {}, machines: {}, files: {}, templates: {} });

/** The bytes that each layer takes beside its content. */
export const layerBytes = 4 * 1024 * 1024;

export const storedBytes = (content: readonly string[]) => layerBytes + content.join('').length;

/** The content of a layer and of all below it, the lowest first. */
export function chainContent(state: Pick<State, 'layers'>, layerId: string): string[] {
  const layer = state.layers[layerId];
  if (!layer) return [];
  const below = layer.parent === null ? [] : chainContent(state, layer.parent);
  return [...below, ...layer.content];
}

export const stateFileIn = (folder: string) => join(folder, 'simulator.json');

export const readState = async (file: string): Promise<State> =>
  (await exists(file))
    ? { ...empty(), ...(JSON.parse(await readFile(file, 'utf8')) as Partial<State>) }
    : empty();

/** Changes with each writing of the file; null when there is none. */
const versionOf = async (file: string): Promise<string | null> => {
  const found = await statOrNull(file);
  return found && `${found.ino} ${found.mtimeMs} ${found.size}`;
};

const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

/**
 * Merges another process's changes since `before` into the state. Where both changed a record, this
 * process's record wins.
 */
function takeOver(state: State, before: State, theirs: State): void {
  for (const section of sections) {
    const own: Record<string, unknown> = state[section];
    const [old, other]: Record<string, unknown>[] = [before[section], theirs[section]];
    if (!old || !other) continue;
    for (const id of new Set([...Object.keys(old), ...Object.keys(other)])) {
      if (isSame(old[id], other[id]) || !isSame(own[id], old[id])) continue;
      if (id in other) own[id] = other[id];
      else delete own[id];
    }
  }
}

export interface StateFile {
  readonly path: string;
  /** The state as it was last seen. */
  readonly known: State;
  /** The state with the latest writes of other processes. */
  current(): Promise<State>;
  /** Resolves when every change so far is in the file. */
  save(): Promise<void>;
  /** Resolves when no writing is under way. */
  settled(): Promise<void>;
}

export async function openStateFile(folder: string): Promise<StateFile> {
  const path = stateFileIn(folder);
  let version = await versionOf(path);
  const state = await readState(path);
  let common = JSON.stringify(state);
  // Reading and writing take turns, so a read never returns less than this process's last write.
  const turns = new Turns();
  const takeIn = async () => {
    const found = await versionOf(path);
    if (found === null || found === version) return;
    const theirs = await readState(path);
    takeOver(state, JSON.parse(common) as State, theirs);
    [common, version] = [JSON.stringify(theirs), found];
  };
  // Callers that arrive during a save share the next one.
  let next: Promise<void> | null = null;
  return {
    path,
    known: state,
    async current() {
      const found = await versionOf(path);
      if (found !== null && found !== version) await turns.take(path, takeIn);
      return state;
    },
    save() {
      next ??= turns.take(path, async () => {
        await takeIn();
        next = null;
        const text = JSON.stringify(state);
        await writeWhole(path, text, 0o600);
        [common, version] = [text, await versionOf(path)];
      });
      return next;
    },
    settled: () => turns.take(path, async () => {}),
  };
}
