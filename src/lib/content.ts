// Bytes that one room hands to another. Only the room that has them knows where they are stored.
// The receiving room may use a local file when there is one, which saves a copy of a large disk on
// the same host.

import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { addAbortSignal, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { moveDurably, sha256OfPieces, syncPath } from './files.ts';

export interface Range {
  /** The first byte, from 0. */
  start: number;
  /** The byte after the last. */
  end: number;
}

export interface Content {
  readonly bytes: number;
  /** Streams all bytes, or the bytes of a range within them. May be called any number of
   * times. The stream fails when the bytes cannot be read.
   */
  open(range?: Range): Readable;
  /**
   * A file of this host that begins with exactly these bytes; later bytes of the file are not part
   * of the content. Callers only read it. It exists as long as the content is used. Absent when the
   * bytes are not in a file of this host.
   */
  readonly path?: string;
}

/** The target of one file. */
export interface Sink {
  /**
   * Writes all bytes. The file is whole and durable when this resolves. When it rejects, with the
   * reason of the signal or the error of the source, the target is unchanged.
   */
  write(source: Readable, signal: AbortSignal): Promise<void>;
  /**
   * The path of the target on this host, so that a finished file can be moved there instead. Absent
   * when the target is not a file of this host.
   */
  readonly path?: string;
}

/** The content of a file as it is now. Throws the system's error when the file cannot be read. */
export async function fileContent(path: string): Promise<Content> {
  const { size } = await stat(path);
  return {
    bytes: size,
    path,
    open: ({ start, end } = { start: 0, end: size }) => readFrom(path, start, end),
  };
}

/** A range of a content. It keeps the path only when it begins where the file does. */
export function slice({ open, path }: Content, { start, end }: Range): Content {
  return {
    bytes: end - start,
    open: (range = { start: 0, end: end - start }) =>
      open({ start: start + range.start, end: start + range.end }),
    ...(path !== undefined && start === 0 && { path }),
  };
}

/** Node's own range includes the last byte, so it cannot name an empty one. */
const readFrom = (path: string, start: number, end: number): Readable =>
  start < end ? createReadStream(path, { start, end: end - 1 }) : Readable.from([]);

/** The first bytes of a content, as many as it has up to `bytesMax`. */
export async function headOf({ bytes, open }: Content, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of open({ start: 0, end: Math.min(bytes, bytesMax) }))
    chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/**
 * All bytes, in pieces, until the signal aborts. Throws when the stream has more or fewer than the
 * content says, which is a defect of the room that has them.
 */
export async function* piecesOf(
  { bytes, open }: Content,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let found = 0;
  for await (const piece of addAbortSignal(signal, open())) {
    found += (piece as Buffer).length;
    if (found > bytes) break;
    yield piece as Buffer;
  }
  if (found !== bytes)
    throw new Error(
      `a content is not as long as it says: ${bytes} bytes, and the stream has other`,
    );
}

/** SHA-256 of a content, as lower-case hex. */
export const sha256Of = (content: Content, signal: AbortSignal): Promise<string> =>
  sha256OfPieces(piecesOf(content, signal));

/** A sink for a file of this host in an existing folder. An existing file is replaced. */
export const fileSink = (path: string): Sink => ({
  path,
  async write(source, signal) {
    const part = `${path}.part`;
    try {
      await pipeline(source, createWriteStream(part, { mode: 0o600 }), { signal });
      await syncPath(part);
      await moveDurably(part, path);
    } catch (error) {
      await rm(part, { force: true });
      signal.throwIfAborted();
      throw error;
    }
  },
});
