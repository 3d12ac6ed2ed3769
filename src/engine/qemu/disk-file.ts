// Disk files of our own: makes them as overlays, hands them to the user that writes them, and makes
// them immutable.

import { chmod, chown, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type AppError, failedForNow } from '../../domain/error.ts';
import type { LayerId } from '../../domain/ids.ts';
import { systemClock } from '../../lib/clock.ts';
import { syncPath } from '../../lib/files.ts';
import type { QemuUser } from './confine.ts';
import { stateBytes } from './firmware-state.ts';
import { giveTo } from './host.ts';
import type { Paths } from './paths.ts';
import { assertSame, qemuImg, type ToolLimits } from './qemu-img.ts';

const lockTries = 20;
const lockMs = 100;

/**
 * Throws when a process has the disk open for writing. Every QEMU locks the disks that it writes
 * to, whether this server started it or not.
 */
export async function assertUnused(
  path: string,
  user: QemuUser,
  signal: AbortSignal,
): Promise<void> {
  const { uid, gid } = await stat(path);
  // The file belongs to the user of the guest that used it last.
  const owner = user.ids === null || uid === 0 ? user : { ...user, ids: { uid, gid } };
  for (let tries = 1; ; tries++) {
    try {
      await qemuImg(['info', '-f', 'qcow2', path], owner, dirname(path), { signal });
      return;
    } catch (error) {
      signal.throwIfAborted();
      const { detail } = error as AppError;
      if (!/\block\b/.test(detail ?? '')) throw error;
      // A process closes its files a moment after it was seen to have ended.
      if (tries === lockTries)
        throw failedForNow(
          "A process on this host still has the machine's disk open and may write to it, so no image is made of it; end that process (lsof names it), then try again.",
          { detail: `${path}: ${detail}` },
        );
      await systemClock.sleep(lockMs, signal);
    }
  }
}

/**
 * With extended tables, a small write to a new cluster copies nothing from the layer below. QEMU
 * reads them since version 5.2; an export is written without them, for programs that do not.
 */
const overlayForm = ['-f', 'qcow2', '-F', 'qcow2', '-o', 'extended_l2=on'];

/** An empty overlay on a layer, in constant time. `path` lies one folder below the root. */
export async function createOverlay(
  path: string,
  backing: string,
  sizeBytes: number,
  user: QemuUser,
  signal: AbortSignal,
): Promise<void> {
  const part = `${path}.part`;
  try {
    await rm(part, { force: true });
    await writeFile(part, '', { mode: 0o600 });
    await giveTo(user, part);
    await qemuImg(
      // With -u the layer is not opened: the caller has checked that it is there, and what its
      // header names does not matter here.
      ['create', '-q', '-u', ...overlayForm, '-b', backing, part, String(sizeBytes)],
      user,
      dirname(path),
      { signal },
    );
    await syncPath(part);
    await rename(part, path);
    await syncPath(dirname(path));
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

// A server may die between the two changes of each function. In their order here, a tool that runs
// as another user can read the file at any moment.

/** Makes a file that nothing writes any more immutable, under the server's own user. */
export async function makeImmutable(path: string): Promise<void> {
  await syncPath(path);
  await chmod(path, 0o444);
  if (process.getuid?.() === 0) await chown(path, 0, 0);
}

/**
 * Makes an overlay immutable, and compares it with another file meanwhile, because the one waits
 * for the disk and the other for the processor. Both are over when this returns. Throws when the
 * content differs.
 */
export async function makeImmutableIfSame(
  overlay: string,
  original: string,
  ...rest: [user: QemuUser, cwd: string, limits: ToolLimits]
): Promise<void> {
  const both = [makeImmutable(overlay), assertSame(original, overlay, ...rest)];
  for (const one of await Promise.allSettled(both)) if (one.status === 'rejected') throw one.reason;
}

/** Undoes `makeImmutable`, for QEMU's user. */
export async function makeWritable(path: string, user: QemuUser): Promise<void> {
  await giveTo(user, path);
  await chmod(path, 0o600);
}

/** Bytes that a file takes on the disk. */
export async function storedBytes(path: string): Promise<number> {
  return (await stat(path)).blocks * 512;
}

/** Bytes that a layer takes on the disk, with the state of its firmware. */
export const layerBytes = async (paths: Paths, id: LayerId): Promise<number> =>
  (await storedBytes(paths.layer(id))) + (await stateBytes(paths.layerState(id)));
