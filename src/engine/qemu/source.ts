// Takes files from outside under names in the engine's own folder. The file that is judged is then
// the file that is used, even if the original changes meanwhile.

import { createWriteStream } from 'node:fs';
import { chmod, link, open, stat, truncate } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { type Content, piecesOf } from '../../lib/content.ts';
import { copySparse } from '../../lib/files.ts';
import { isZero } from '../../lib/holes.ts';

interface Taking {
  signal: AbortSignal;
  /** Whether the file stays unchanged, so that a hard link to it is enough. */
  mayLink: boolean;
}

/**
 * Puts a content at `target`: as a second name for its file, else as a copy of the file, else by
 * reading its stream, with holes as holes. The tools' user may read it. Throws the signal's reason,
 * and leaves a part then.
 */
export async function takeIn(
  content: Content,
  target: string,
  { signal, mayLink }: Taking,
): Promise<void> {
  const { path, bytes } = content;
  if (path === undefined) {
    await spool(content, target, signal);
    await chmod(target, 0o444);
    return;
  }
  const isWhole = (await stat(path)).size === bytes;
  const isLinked =
    mayLink &&
    isWhole &&
    (await link(path, target).then(
      () => true,
      () => false,
    ));
  if (!isLinked) await copySparse(path, target, signal);
  if (!isWhole) await truncate(target, bytes);
  // A link has the mode of its file, which is not the engine's. Only root's tools, which run as
  // another user, need that changed.
  if (!isLinked || isRoot) await chmod(target, isWhole ? 0o444 : 0o644);
}

const isRoot = process.getuid?.() === 0;

/** No more bytes than the content says, nor fewer. */
const spool = (content: Content, target: string, signal: AbortSignal): Promise<number> =>
  writeSparse(piecesOf(content, signal), target);

interface Written {
  /** The length so far. */
  bytes: number;
  /** The bytes of it that are no holes. */
  heldBytes: number;
}

/**
 * Writes a new file, in which zeros are holes, and returns its length. `check` may throw after each
 * piece. A part remains after a failure.
 */
export async function writeSparse(
  pieces: AsyncIterable<Buffer>,
  target: string,
  check: (written: Written) => void = () => {},
): Promise<number> {
  const file = await open(target, 'w', 0o600);
  const written: Written = { bytes: 0, heldBytes: 0 };
  try {
    for await (const piece of pieces) {
      if (!isZero(piece)) {
        await writeAt(file, piece, written.bytes);
        written.heldBytes += piece.length;
      }
      written.bytes += piece.length;
      check(written);
    }
    await file.truncate(written.bytes);
    return written.bytes;
  } finally {
    await file.close();
  }
}

async function writeAt(file: Awaited<ReturnType<typeof open>>, chunk: Buffer, position: number) {
  for (let written = 0; written < chunk.length; )
    written += (await file.write(chunk, written, chunk.length - written, position + written))
      .bytesWritten;
}

/** A small content, such as a kernel, as a file of its own, which is not synced yet. */
export async function writeOut(
  content: Content,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  await pipeline(content.open(), createWriteStream(target), { signal });
}
