// Makes the corpus of imports: one small disk in each format and packing that people have, and what
// they give for a disk though it is none. docs/reference/imports.md lists it with the verdicts.

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const mib = 1024 ** 2;
/** No multiple of the blocks of any format. */
export const diskBytes = 5 * mib + 3 * 512;

/** `taken`, or the words of the refusal. */
type Verdict = 'taken' | RegExp;

export interface Case {
  format: string;
  variant: string;
  verdict: Verdict;
  /** The name of the disk that is meant, in an archive. */
  wanted?: string;
  /** Writes the file and returns its path. */
  make(): Promise<string> | string;
}

/** Writes a raw disk into the folder: an ext2 with a file in it. Returns its path. */
export async function plainDisk(folder: string): Promise<string> {
  const [tree, raw] = [join(folder, 'tree'), join(folder, 'plain.raw')];
  await mkdir(tree, { recursive: true });
  await writeFile(join(tree, 'content'), randomBytes(mib));
  await writeFile(raw, '');
  const file = openSync(raw, 'r+');
  ftruncateSync(file, diskBytes);
  closeSync(file);
  execFileSync('mke2fs', ['-q', '-F', '-t', 'ext2', '-d', tree, raw], { stdio: 'pipe' });
  return raw;
}

export type Corpus = ReturnType<typeof corpusIn>;

/** The tools and the cases; files are made in the folder when a case is. */
export function corpusIn(folder: string, raw: string) {
  let made = 0;
  const file = (name: string) => join(folder, name);
  const fresh = (end: string) => file(`${++made}.${end}`);
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 64 * mib,
    });
  const image = (format: string, options: string[] = [], name = fresh(format)) => {
    run('qemu-img', 'convert', '-f', 'raw', '-O', format, ...options, raw, name);
    return name;
  };
  const vmdk = (subformat: string, name?: string) =>
    image('vmdk', ['-o', `subformat=${subformat}`], name);
  const packed = async (program: string, from: string, ...args: string[]) => {
    const to = fresh(program);
    await writeFile(to, run(program, '-c', ...args, from));
    return to;
  };
  /** Packs files of a new folder. */
  const archive = async (
    kind: 'tar' | 'zip',
    fill: (inside: (name: string) => string) => unknown,
  ) => {
    const [tree, to] = [fresh('tree'), fresh(kind)];
    await mkdir(join(tree, 'vm'), { recursive: true });
    await fill((name) => join(tree, 'vm', name));
    if (kind === 'tar') run('tar', '-C', tree, '-cf', to, 'vm');
    else execFileSync('zip', ['-qry', to, 'vm'], { cwd: tree, stdio: 'pipe' });
    await rm(tree, { recursive: true });
    return to;
  };
  const edited = async (path: string, change: (bytes: Buffer) => Buffer | undefined) => {
    const bytes = await readFile(path);
    await writeFile(path, change(bytes) ?? bytes);
    return path;
  };
  return { file, run, image, vmdk, packed, archive, edited, raw };
}
