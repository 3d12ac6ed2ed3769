// Layers and disks of the simulator: lists of texts, one for each thing that was written.

import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { failedForGood, invalid } from '../../domain/error.ts';
import { packageListOf } from '../../domain/package-list.ts';
import type { Clock } from '../../lib/clock.ts';
import { headOf, sha256Of } from '../../lib/content.ts';
import { writeWhole } from '../../lib/files.ts';
import type { Compact } from '../optional/compact.ts';
import type { Packages } from '../optional/packages.ts';
import type { Transfer } from '../optional/transfer.ts';
import type { Verify } from '../optional/verify.ts';
import type { Disks } from '../port/disks.ts';
import type { Layers } from '../port/layers.ts';
import { neverReady } from './pace.ts';
import { chainContent, layerBytes, type StateFile, storedBytes } from './state.ts';

const sentinelBytesMax = 64 * 1024;
/** As much of a file that comes in as is looked at. */
const exportBytesMax = 256 * 1024 ** 2;

const missingLayer = (detail: string) =>
  failedForGood('A layer of this image is missing.', { detail });

export const layersIn = (file: StateFile): Layers => ({
  async importBase({ layerId, disk }, { signal }) {
    const state = await file.current();
    const { bytes } = disk;
    const digest = `sha256:${await sha256Of(disk, signal)}`;
    const small = bytes <= sentinelBytesMax ? await headOf(disk, sentinelBytesMax) : '';
    const sentinel = small.includes(neverReady) ? ` ${neverReady}` : '';
    const content = [`base ${digest}${sentinel}`];
    state.layers[layerId] = { parent: null, content, virtualBytes: bytes };
    await file.save();
    return { digest, virtualBytes: bytes, storedBytes: bytes };
  },
  async removeLayer(layerId) {
    const state = await file.current();
    delete state.layers[layerId];
    await file.save();
  },
});

export const disksIn = (file: StateFile): Disks => ({
  async ensureDisk({ diskId, layerId, sizeBytes }) {
    const state = await file.current();
    if (state.disks[diskId]) return;
    if (!state.layers[layerId])
      throw failedForGood('The layer of this image is missing.', { detail: layerId });
    state.disks[diskId] = { layer: layerId, content: [], sizeBytes };
    await file.save();
  },
  async sealDisk({ diskId, layerId, sizeBytes }) {
    const state = await file.current();
    const disk = state.disks[diskId];
    if (!disk) throw failedForGood("The machine's disk is missing.", { detail: diskId });
    if (!state.layers[layerId]) {
      const { layer: parent, content } = disk;
      state.layers[layerId] = { parent, content, virtualBytes: sizeBytes };
      state.disks[diskId] = { layer: layerId, content: [], sizeBytes };
      await file.save();
    }
    const content = state.layers[layerId]?.content ?? [];
    return { virtualBytes: sizeBytes, storedBytes: storedBytes(content) };
  },
  async unsealDisk({ diskId, layerId }) {
    const state = await file.current();
    const layer = state.layers[layerId];
    if (!layer?.parent) return;
    const { parent, content, virtualBytes } = layer;
    state.disks[diskId] = { layer: parent, content, sizeBytes: virtualBytes };
    delete state.layers[layerId];
    await file.save();
  },
  async removeDisk(diskId) {
    const state = await file.current();
    delete state.disks[diskId];
    await file.save();
  },
});

export const compactIn = (file: StateFile): Compact => ({
  async rewrite({ layerId, parentId }) {
    const state = await file.current();
    const layer = state.layers[layerId];
    if (!layer || !state.layers[parentId]) throw missingLayer(layerId);
    layer.content = chainContent(state, layerId).slice(chainContent(state, parentId).length);
    layer.parent = parentId;
    await file.save();
    return { storedBytes: storedBytes(layer.content) };
  },
});

export const verifyIn = (file: StateFile, clock: Clock): Verify => ({
  async digest({ layerId, bytesPerSecond }, { signal }) {
    const state = await file.current();
    if (bytesPerSecond > 0) await clock.sleep((layerBytes / bytesPerSecond) * 1000, signal);
    const layer = state.layers[layerId];
    if (!layer) throw failedForGood('A layer cannot be read.', { detail: layerId });
    return `sha256:${createHash('sha256').update(JSON.stringify(layer.content)).digest('hex')}`;
  },
});

/** Each text of a disk stands for one package, whose name follows from the text. */
export const packagesIn = (file: StateFile): Packages => ({
  async list({ chain }) {
    const state = await file.current();
    const [head] = chain;
    if (head === undefined || !state.layers[head]) throw missingLayer(head ?? 'none');
    const found = chainContent(state, head).map((text) => ({
      kind: 'deb' as const,
      name: `sim-${createHash('sha256').update(text).digest('hex').slice(0, 12)}`,
      version: '1',
      architecture: 'all',
      source: null,
      licence: null,
    }));
    return packageListOf({ id: 'simulated', version: '1', title: 'Simulated 1' }, found);
  },
});

interface SimulatedFile {
  simulated: string[];
  virtualBytes: number;
}

/** Parses an export of the simulator; null for any other text. */
function exportedIn(text: string): SimulatedFile | null {
  try {
    const { simulated, virtualBytes } = JSON.parse(text) as SimulatedFile;
    const isWhole = Number.isSafeInteger(virtualBytes) && virtualBytes > 0;
    const isDisk =
      isWhole && Array.isArray(simulated) && simulated.every((one) => typeof one === 'string');
    return isDisk ? { simulated, virtualBytes } : null;
  } catch {
    return null;
  }
}

export const transferIn = (file: StateFile): Transfer => ({
  assertTakes() {},
  async exportLayer({ layerId, to }, { signal }) {
    const state = await file.current();
    const layer = state.layers[layerId];
    if (!layer) throw missingLayer(layerId);
    const simulated = chainContent(state, layerId);
    const text = JSON.stringify({ simulated, virtualBytes: layer.virtualBytes });
    if (to.path === undefined) await to.write(Readable.from([Buffer.from(text)]), signal);
    else await writeWhole(to.path, text, 0o600);
    const bytes = Buffer.byteLength(text);
    return { bytes, heldBytes: bytes, tail: null };
  },
  async importLayer({ layerId, disk, parentId, bytesMax }) {
    const state = await file.current();
    const given = exportedIn((await headOf(disk, exportBytesMax)).toString());
    if (given === null) throw invalid('The file is not a disk that the simulator has exported.');
    const below = parentId === null ? 0 : chainContent(state, parentId).length;
    const content = given.simulated.slice(below);
    const { virtualBytes } = given;
    if (storedBytes(content) > bytesMax)
      throw invalid(`The disk takes more than the ${bytesMax} bytes that there is room for.`);
    state.layers[layerId] = { parent: parentId, content, virtualBytes };
    await file.save();
    return { virtualBytes, storedBytes: storedBytes(content) };
  },
});
