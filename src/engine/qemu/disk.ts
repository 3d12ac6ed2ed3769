// Writable disks: each is a file that overlays a layer. A seal moves the file among the layers and
// puts an empty overlay in its place.

import { rm } from 'node:fs/promises';
import { failedForGood } from '../../domain/error.ts';
import { exists, moveDurably } from '../../lib/files.ts';
import { Revert } from '../../lib/revert.ts';
import type { Disks, SealSpec } from '../port/disks.ts';
import {
  assertUnused,
  createOverlay,
  layerBytes,
  makeImmutable,
  makeWritable,
} from './disk-file.ts';
import { captureState, removeState } from './firmware-state.ts';
import type { Host } from './host.ts';
import type { Paths } from './paths.ts';

export const disksIn = (paths: Paths, host: Host): Disks => ({
  async ensureDisk({ diskId, layerId, sizeBytes }, { signal }) {
    const path = paths.disk(diskId);
    if (await exists(path)) return;
    if (!(await exists(paths.layer(layerId))))
      throw failedForGood('The layer of this image is missing.', { detail: layerId });
    await createOverlay(path, paths.backing(layerId), sizeBytes, host.user, signal);
  },
  sealDisk: (spec, { signal }) => sealDisk(spec, signal, paths, host),
  async unsealDisk({ diskId, layerId }) {
    const disk = paths.disk(diskId);
    if (await exists(paths.layer(layerId))) {
      await rm(disk, { force: true });
      await moveDurably(paths.layer(layerId), disk);
    }
    // The disk has kept its own.
    await removeState(paths.layerState(layerId));
    // A disk that was made immutable, and not moved before its process died, is writable again too.
    if (await exists(disk)) await makeWritable(disk, host.user);
  },
  async removeDisk(diskId) {
    await rm(paths.disk(diskId), { force: true });
    await rm(`${paths.disk(diskId)}.part`, { force: true });
    await removeState(paths.diskState(diskId));
  },
});

/** After a crash, the same call does whichever of its two changes is missing. */
async function sealDisk(
  { diskId, layerId, sizeBytes, boot }: SealSpec,
  signal: AbortSignal,
  paths: Paths,
  host: Host,
) {
  const disk = paths.disk(diskId);
  const layer = paths.layer(layerId);
  return Revert.around(async (revert) => {
    if (!(await exists(layer))) {
      if (!(await exists(disk)))
        throw failedForGood("The machine's disk is missing.", { detail: disk });
      await assertUnused(disk, host.user, signal);
      await makeImmutable(disk);
      if (boot) await captureState(boot, paths.diskState(diskId), paths.layerState(layerId));
      await moveDurably(disk, layer);
      revert.add(async () => {
        await moveDurably(layer, disk);
        await removeState(paths.layerState(layerId));
        await makeWritable(disk, host.user);
      });
    }
    if (!(await exists(disk)))
      await createOverlay(disk, paths.backing(layerId), sizeBytes, host.user, signal);
    return { virtualBytes: sizeBytes, storedBytes: await layerBytes(paths, layerId) };
  });
}
