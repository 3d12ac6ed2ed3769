// Reads parts of a file from outside. A file that ends before a part is cut off, and is refused
// with both numbers, because a tool would read zeros there.

import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { invalid } from '../../../domain/error.ts';

/** A file that is open, and its length when it was opened. */
export interface OpenFile {
  file: FileHandle;
  size: number;
}

export async function withFile<Result>(
  path: string,
  work: (opened: OpenFile) => Promise<Result>,
): Promise<Result> {
  const file = await open(path, 'r');
  try {
    return await work({ file, size: (await file.stat()).size });
  } finally {
    await file.close();
  }
}

/** Throws `invalid` when a part of the file lies beyond its end. */
export function assertWithin(size: number, end: number, what: string): void {
  if (end > size)
    throw invalid(
      `The file is cut off: ${what} ends at byte ${end}, and the file has ${size}. Send the whole file.`,
    );
}

/** Exactly so many bytes; throws `invalid` when the file ends before. */
export async function readPart(
  { file, size }: OpenFile,
  offset: number,
  length: number,
  what: string,
): Promise<Buffer> {
  assertWithin(size, offset + length, what);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
  assertWithin(bytesRead + offset, offset + length, what);
  return buffer;
}

/** As many bytes as there are, up to `length`. */
export async function readUpTo({ file }: OpenFile, offset: number, length: number) {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
  return buffer.subarray(0, bytesRead);
}

const pieceBytes = 256 * 1024;

/** The bytes of a range that lies within the file, in pieces. */
export async function* piecesIn(opened: OpenFile, start: number, end: number) {
  for (let at = start; at < end; at += pieceBytes)
    yield await readPart(opened, at, Math.min(pieceBytes, end - at), 'a member of the archive');
}

export const damaged = (expected: string, found: string | number | bigint) =>
  invalid(`The file is damaged: expected ${expected}, found ${found}. Give a whole one.`);
