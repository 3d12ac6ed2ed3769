// Bytes handed from one room to another: where they lie is the business of the room that has them.
// The room that takes them may use a local file when there is one, which saves a copy of a large
// disk on the same host.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';

export interface Range {
  /** The first byte, from 0. */
  start: number;
  /** The byte after the last. */
  end: number;
}

export interface Content {
  readonly bytes: number;
  /**
   * Streams all bytes, or those of a range that lies within them. May be called any number of
   * times. The stream fails when the bytes cannot be read.
   */
  open(range?: Range): Readable;
  /**
   * A file of this host that begins with exactly these bytes; what follows them belongs to
   * others. It is only read, and lives as long as the content is used. Absent when the bytes lie
   * elsewhere.
   */
  readonly path?: string;
}

/** A place where one file is to come to lie. */
export interface Sink {
  /**
   * Writes all bytes. The file is whole and durable when this resolves; nothing new is in its place
   * when it rejects, with the signal's reason or that of the source.
   */
  write(source: Readable, signal: AbortSignal): Promise<void>;
  /**
   * Where on this host the file is to lie, so that a finished file can be moved there instead.
   * Absent when the place is elsewhere.
   */
  readonly path?: string;
}

/** A file as it is now. Throws what the system says when it cannot be looked at. */
export async function fileContent(path: string): Promise<Content> {
  const { size } = await stat(path);
  return contentAt(path, size);
}

/** The first bytes of a file. */
export const contentAt = (path: string, bytes: number): Content => ({
  bytes,
  path,
  open: ({ start, end } = { start: 0, end: bytes }) => readFrom(path, start, end),
});

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
