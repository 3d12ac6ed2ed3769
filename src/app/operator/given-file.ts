// Files that an operator names, as contents for the engine.

import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { invalid } from '../../domain/error.ts';
import { type Content, fileContent } from '../../lib/content.ts';

/** A path on this host; or a file that was sent, under the name that it is given. */
export type GivenFile = string | { name: string; open(signal?: AbortSignal): Promise<Content> };

export const nameOf = (file: GivenFile): string =>
  typeof file === 'string' ? basename(file) : file.name;

/** Throws `invalid` when the path is not a readable file, and what opening a sent file throws. */
export async function givenFile(file: GivenFile, signal?: AbortSignal): Promise<Content> {
  if (typeof file !== 'string') return file.open(signal);
  const found = await stat(file).catch(() => null);
  if (!found?.isFile()) throw invalid(`${file} is not a file that can be read.`);
  return fileContent(file);
}

/** The bytes of what is made of a file that the upload of the file has reserved; else 0. */
export const sentBytes = (file: GivenFile, { bytes }: Content): number =>
  typeof file === 'string' ? 0 : bytes;
