// Files that an operator names, as contents for the engine.

import { stat } from 'node:fs/promises';
import { invalid } from '../../domain/error.ts';
import { type Content, fileContent } from '../../lib/content.ts';

/** Throws `invalid` when the path is not a readable file. */
export async function givenFile(path: string): Promise<Content> {
  const found = await stat(path).catch(() => null);
  if (!found?.isFile()) throw invalid(`${path} is not a file that can be read.`);
  return fileContent(path);
}
