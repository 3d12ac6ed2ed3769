// Writes a layer anew on another layer of its own chain. The content is compared before the new
// file takes the old one's name in one rename. A process that opens the layer finds the old file or
// the new one, and machines that are on keep the file that they have open.

import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { failedForGood } from '../../domain/error.ts';
import { copySparse, exists, moveDurably } from '../../lib/files.ts';
import type { RewriteSpec } from '../optional/compact.ts';
import { layerBytes, makeImmutableIfSame } from './disk-file.ts';
import { giveTo, type Host } from './host.ts';
import type { Paths } from './paths.ts';
import { virtualBytesOf } from './qcow2.ts';
import { copyMs, rebase } from './qemu-img.ts';
import { withinRoom } from './room.ts';

export async function rewriteLayer(
  { layerId, parentId, chain }: RewriteSpec,
  signal: AbortSignal,
  paths: Paths,
  { user }: Host,
): Promise<{ storedBytes: number }> {
  const layer = paths.layer(layerId);
  // It lies one folder below the root, so that the relative name of its parent is right.
  const part = join(paths.builds, `${layerId}.rewrite`);
  if (!(await exists(layer)) || !(await exists(paths.layer(parentId))))
    throw failedForGood('A layer of this image is missing.', {
      detail: `${layerId} or ${parentId}`,
    });
  try {
    await rm(part, { force: true });
    await copySparse(layer, part, signal);
    await chmod(part, 0o600);
    await giveTo(user, part);
    const cwd = paths.builds;
    await withinRoom(cwd, { bytesMax: Number.MAX_SAFE_INTEGER, signal }, async (limits) => {
      const options = {
        timeoutMs: copyMs(2 * (await virtualBytesOf(layer))),
        layers: chain.map(paths.layer),
        ...limits,
      };
      await rebase(part, paths.backing(parentId), user, cwd, options);
      await makeImmutableIfSame(part, layer, user, cwd, options);
    });
    await moveDurably(part, layer);
    return { storedBytes: await layerBytes(paths, layerId) };
  } finally {
    await rm(part, { force: true });
  }
}
