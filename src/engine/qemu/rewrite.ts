// Writes a layer anew on another layer of its own chain. The content is compared before the new file takes the old one's name, in one
// rename: whoever opens the layer finds the one or the other, and machines that are on keep the file that they have open.

import { constants } from 'node:fs';
import { chmod, copyFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { failedForGood } from '../../domain/error.ts';
import type { LayerId } from '../../domain/ids.ts';
import { exists, syncPath } from '../../lib/files.ts';
import { giveTo, type Host } from './host.ts';
import { diskFull, makeImmutable, qemuImg, storedBytes } from './image-file.ts';
import type { Paths } from './paths.ts';

const rewriteMs = 4 * 3600_000;

export async function rewriteLayer(
  { layerId, parentId, chain }: { layerId: LayerId; parentId: LayerId; chain: readonly LayerId[] },
  paths: Paths,
  { user }: Host,
): Promise<{ storedBytes: number }> {
  const layer = paths.layer(layerId);
  // Beside the disks, where the relative name of the parent is right.
  const part = join(paths.builds, `${layerId}.rewrite`);
  if (!(await exists(layer)) || !(await exists(paths.layer(parentId))))
    throw failedForGood('A layer of this image is missing.', { detail: `${layerId} or ${parentId}` });
  try {
    await rm(part, { force: true });
    await copyFile(layer, part, constants.COPYFILE_FICLONE);
    await chmod(part, 0o600);
    await giveTo(user, part);
    const cwd = paths.builds;
    const options = { timeoutMs: rewriteMs, layers: chain.map(paths.layer) };
    const backing = paths.backing(parentId);
    await qemuImg(['rebase', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', backing, part], user, cwd, options);
    await qemuImg(['compare', '-q', '-f', 'qcow2', '-F', 'qcow2', layer, part], user, cwd, options);
    await makeImmutable(part);
    await rename(part, layer);
    await syncPath(dirname(layer));
    return { storedBytes: await storedBytes(layer) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw diskFull(String(error));
    throw error;
  } finally {
    await rm(part, { force: true });
  }
}
