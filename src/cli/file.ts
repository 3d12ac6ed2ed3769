// Checks the files and folders that a user names, before any work is begun with them. Each refusal
// names the option that has to change.

import { constants } from 'node:fs';
import { access, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UsageError } from './parse.ts';

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;

/**
 * Looks at a path; null when there is nothing. Throws UsageError when the path cannot be reached.
 */
async function look(name: string, path: string) {
  if (path === '') throw new UsageError(`${name} is ""; give the path of a file.`);
  try {
    return await stat(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    if (codeOf(error) === 'ENOTDIR')
      throw new UsageError(`${name}: a part of ${path} is not a folder; give another path.`);
    if (codeOf(error) === 'EACCES')
      throw new UsageError(
        `${name}: ${path} cannot be reached by this user; change the mode of its folders.`,
      );
    throw error;
  }
}

/**
 * Whether there is a file. A file that this user may not see counts as existing, so that the
 * attempt to read it states the reason.
 */
export const lookFor = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (error) => codeOf(error) !== 'ENOENT',
  );

/** The size of a file that can be read, in bytes. Throws UsageError. */
export async function readableFile(name: string, path: string): Promise<number> {
  const found = await look(name, path);
  if (!found) throw new UsageError(`${name}: ${path} is not there; check the path.`);
  if (found.isDirectory()) throw new UsageError(`${name}: ${path} is a folder; give a file.`);
  if (!found.isFile())
    throw new UsageError(`${name}: ${path} is not a plain file; copy it into one.`);
  await access(path, constants.R_OK).catch(() => {
    throw new UsageError(`${name}: ${path} cannot be read by this user; change its mode.`);
  });
  return found.size;
}

/** Throws UsageError unless a new file can be made at the path. */
export async function newFile(name: string, path: string): Promise<void> {
  const folder = dirname(resolve(path));
  const found = await look(name, path === '' ? path : folder);
  if (!found)
    throw new UsageError(
      `${name}: the folder ${folder} is not there; make it, or give another ${name}.`,
    );
  if (!found.isDirectory())
    throw new UsageError(`${name}: ${folder} is not a folder; give another ${name}.`);
  if (await look(name, path))
    throw new UsageError(`${name}: ${path} is there already; give another ${name}.`);
  await assertMakes(name, path, folder);
}

/**
 * Makes a file and removes it again, because the mode of a folder does not tell whether its file
 * system is read-only or takes no files at all.
 */
async function assertMakes(name: string, path: string, folder: string): Promise<void> {
  const part = `${path}.part`;
  if (await look(name, part)) return access(part, constants.W_OK);
  try {
    await (await open(part, 'wx')).close();
    await rm(part);
  } catch (error) {
    if (!/^(EACCES|EPERM|EROFS|ENOENT)$/.test(codeOf(error) ?? '')) throw error;
    throw new UsageError(
      `${name}: the folder ${folder} cannot be written by this user; give another ${name}.`,
    );
  }
}

/** Throws UsageError unless the path is a folder. */
export async function folderAt(name: string, path: string): Promise<void> {
  const found = await look(name, path);
  if (!found) throw new UsageError(`${name}: ${path} is not there; check the path.`);
  if (!found.isDirectory()) throw new UsageError(`${name}: ${path} is not a folder; give one.`);
}

/** Throws UsageError unless the path is an empty folder, or can become one. */
export async function newFolder(name: string, path: string): Promise<void> {
  for (let at = resolve(path); ; at = dirname(at)) {
    const found = await stat(at).catch(() => null);
    if (found && !found.isDirectory())
      throw new UsageError(`${name}: ${at} is not a folder; give another ${name}.`);
    if (found || at === dirname(at)) break;
  }
  if ((await look(name, path)) && (await readdir(path)).length > 0)
    throw new UsageError(`${name}: ${path} is not empty; give a new folder.`);
}

/** Reads a JSON object whose named fields are texts. Throws UsageError. */
export async function jsonFile<Field extends string>(
  name: string,
  path: string,
  fields: readonly Field[],
): Promise<Record<Field, string>> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UsageError(`${name}: ${path} is not JSON; give the file as it was written.`);
  }
  const has = (field: Field) =>
    typeof (value as Record<Field, unknown> | null)?.[field] === 'string';
  const missing = fields.find((field) => !has(field));
  if (missing !== undefined)
    throw new UsageError(`${name}: ${path} lacks ${missing}; give the file as it was written.`);
  return value as Record<Field, string>;
}
