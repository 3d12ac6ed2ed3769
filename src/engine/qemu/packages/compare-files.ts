// Compares the files of two disks: by kind, size, owner, permissions, the time of the last change,
// and the target of a link. The contents of files are not read.

import {
  type FileChange,
  type FileDifference,
  type FileFacts,
  fileChangesMax,
  filePathMax,
  filesLookedAtMax,
} from '../../../domain/file-difference.ts';
import type { FileTree, Inode } from './file-tree.ts';

const depthMax = 200;

const factsOf = ({ kind, sizeBytes, mode, uid, gid, modifiedS }: Inode): FileFacts => ({
  kind,
  sizeBytes,
  mode,
  uid,
  gid,
  modifiedS,
});

/** A folder changes with what is in it, which is compared by itself. */
const asCompared = (one: Inode) => {
  const { sizeBytes, modifiedS, ...facts } = factsOf(one);
  return JSON.stringify(one.kind === 'folder' ? facts : factsOf(one));
};

class Full extends Error {}

export async function compareFiles(before: FileTree, after: FileTree): Promise<FileDifference> {
  const changes: FileChange[] = [];
  const notes = new Set<string>();
  let looked = 0;

  const inodeOf = async (files: FileTree, number: number | undefined): Promise<Inode | null> => {
    if (number === undefined) return null;
    if (++looked > filesLookedAtMax)
      throw new Full(`Only the first ${filesLookedAtMax} files were looked at.`);
    return files.inode(number);
  };
  const namesIn = (files: FileTree, folder: Inode | null) =>
    folder?.kind === 'folder' ? files.folder(folder) : new Map<string, number>();
  const hasOtherTarget = async (was: Inode, is: Inode) =>
    is.kind === 'link' &&
    !(await before.content(was, filePathMax)).equals(await after.content(is, filePathMax));

  const walk = async (path: string, was: Inode | null, is: Inode | null, depth: number) => {
    if (depth > depthMax) return void notes.add(`Folders deeper than ${depthMax} are left out.`);
    const [old, now] = [await namesIn(before, was), await namesIn(after, is)];
    for (const name of [...new Set([...old.keys(), ...now.keys()])].sort()) {
      const at = `${path}/${name}`;
      if (at.length > filePathMax) {
        notes.add(`Paths longer than ${filePathMax} characters are left out.`);
        continue;
      }
      const one = await inodeOf(before, old.get(name));
      const other = await inodeOf(after, now.get(name));
      const isSame =
        one &&
        other &&
        asCompared(one) === asCompared(other) &&
        !(await hasOtherTarget(one, other));
      if (!isSame) {
        if (changes.length === fileChangesMax)
          throw new Full(`Only the first ${fileChangesMax} differences are listed.`);
        const facts = { before: one && factsOf(one), after: other && factsOf(other) };
        changes.push({ path: at, ...facts });
      }
      if (one?.kind === 'folder' || other?.kind === 'folder') await walk(at, one, other, depth + 1);
    }
  };
  try {
    await walk('', await before.find('/'), await after.find('/'), 0);
  } catch (error) {
    if (!(error instanceof Full)) throw error;
    notes.add(error.message);
  }
  return { changes, notes: [...notes] };
}
