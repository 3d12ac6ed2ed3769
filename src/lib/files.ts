// File operations. Those that change something are durable when they resolve: they survive a loss
// of power.

import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, chown, link, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { runCommand, systemPath } from './spawn.ts';

export async function exists(path: string): Promise<boolean> {
  return (await statOrNull(path)) !== null;
}

/** Returns null when the path does not exist. Throws every other error of the system. */
export async function statOrNull(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Makes a folder, and the folders above it that are missing. Node's own `recursive` option never
 * ends below a file system such as /proc.
 */
export async function makeFolders(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || (await exists(dirname(path)))) throw error;
    await makeFolders(dirname(path), mode);
    await makeFolders(path, mode);
  }
}

/** Syncs a file or a folder to the disk. A rename is durable when its folder is synced. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const copyBaseMs = 60_000;
const copyBytesPerMs = 5000;
const copyMostMs = 2 ** 31 - 1;

/**
 * Copies a file. Holes stay holes, and bytes are shared where the file system can share them.
 * Throws the signal's reason when it aborts, an error with code ENOSPC when the disk is full; in
 * both cases a part of the copy remains.
 */
export async function copySparse(from: string, to: string, signal?: AbortSignal): Promise<void> {
  const { size } = await stat(from);
  const timeoutMs = Math.min(copyMostMs, copyBaseMs + Math.ceil(size / copyBytesPerMs));
  // cp must end with this process. Otherwise, after a kill, it would write to the same file as the
  // next server's cp.
  const cp = ['cp', '--sparse=always', '--reflink=auto', '--preserve=mode', '--', from, to];
  const options = { env: { PATH: systemPath }, timeoutMs, ...(signal && { signal }) };
  await runCommand('setpriv', ['--pdeathsig', 'KILL', '--', ...cp], options).catch((error) => {
    signal?.throwIfAborted();
    throw /No space left on device|Disk quota exceeded/i.test(String(error))
      ? Object.assign(error, { code: 'ENOSPC' })
      : error;
  });
}

/**
 * Moves a file durably, and replaces an existing target. Copies it where the two folders are on
 * different file systems. Idempotent: does nothing when only the target exists.
 */
export async function moveDurably(from: string, to: string, signal?: AbortSignal): Promise<void> {
  if (!(await exists(from)) && (await exists(to))) return;
  await rename(from, to).catch(async (error) => {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    await copyOver(from, to, signal);
  });
  await syncPath(dirname(to));
  if (dirname(from) !== dirname(to)) await syncPath(dirname(from));
}

/** Copies to a file beside the target first, so that the target is whole at any moment. */
async function copyOver(from: string, to: string, signal?: AbortSignal): Promise<void> {
  const part = `${to}.part`;
  try {
    await copySparse(from, part, signal);
    const { uid, gid, mode } = await stat(from);
    if (process.getuid?.() === 0) await chown(part, uid, gid);
    await chmod(part, mode);
    await syncPath(part);
    await rename(part, to);
    await syncPath(dirname(to));
    await rm(from);
  } finally {
    await rm(part, { force: true });
  }
}

/** Replaces a whole file, durably. Readers see the old content or the new, never a part. */
export async function writeWhole(path: string, data: string | Buffer, mode: number): Promise<void> {
  const part = `${path}.part`;
  await rm(part, { force: true });
  await writeFile(part, data, { mode, flush: true });
  await rename(part, path);
  await syncPath(dirname(path));
}

/**
 * Writes a whole file, durably, unless one exists. When several processes do so at once, the first
 * file stays.
 */
export async function writeFirst(path: string, data: string | Buffer, mode: number): Promise<void> {
  const part = `${path}.${randomBytes(6).toString('hex')}.part`;
  await writeFile(part, data, { mode, flush: true });
  try {
    await link(part, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(part, { force: true });
  }
  await syncPath(dirname(path));
}

/**
 * Returns the SHA-256 of a file, as lower-case hex. Reads no faster than `bytesPerSecond`; 0 means
 * no limit. Throws the signal's reason when it aborts.
 */
export async function sha256File(
  path: string,
  { bytesPerSecond = 0, signal }: { bytesPerSecond?: number; signal?: AbortSignal } = {},
): Promise<string> {
  // Hashing a piece blocks the process, so pieces are small.
  const options = { highWaterMark: 256 * 1024, ...(signal && { signal }) };
  const pieces = createReadStream(path, options);
  return sha256OfPieces(bytesPerSecond === 0 ? pieces : paced(pieces, bytesPerSecond, signal));
}

/** Returns the SHA-256 of all pieces together, as lower-case hex. */
export async function sha256OfPieces(pieces: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

/** The same pieces, no faster than `bytesPerSecond`. Throws the signal's reason when it aborts. */
async function* paced(
  pieces: AsyncIterable<Buffer>,
  bytesPerSecond: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  const startedAt = performance.now();
  let bytes = 0;
  for await (const piece of pieces) {
    yield piece;
    bytes += piece.length;
    const aheadMs = (bytes / bytesPerSecond) * 1000 - (performance.now() - startedAt);
    if (aheadMs > 0) await setTimeout(aheadMs, undefined, { ...(signal && { signal }) });
  }
}
