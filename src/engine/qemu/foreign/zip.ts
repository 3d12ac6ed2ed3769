// Reads the directory of a zip archive, and unpacks its members with unzip, which also knows the
// ways of packing that Windows uses for large files (deflate64).

import { type Entry, fromFd, type ZipFile } from 'yauzl';
import { invalid } from '../../../domain/error.ts';
import { outputOf, type Tool } from '../stream-tool.ts';
import type { OpenFile } from './file-part.ts';
import { type Member, membersMax } from './member.ts';

const [linkMode, kindMode] = [0o120000, 0o170000];
const encrypted = 1;

const directoryOf = ({ file }: OpenFile): Promise<ZipFile> =>
  new Promise((resolve, reject) => {
    const options = { lazyEntries: true, autoClose: false };
    fromFd(file.fd, options, (error, zip) => (error ? reject(error) : resolve(zip)));
  });

async function entriesOf(zip: ZipFile): Promise<Entry[]> {
  const entries: Entry[] = [];
  return new Promise((resolve, reject) => {
    zip.on('error', reject);
    zip.on('end', () => resolve(entries));
    zip.on('entry', (entry: Entry) => {
      entries.push(entry);
      if (entries.length > membersMax)
        reject(invalid(`The archive has more than ${membersMax} members; pack the disk alone.`));
      else zip.readEntry();
    });
    zip.readEntry();
  });
}

/** Throws `invalid` for an archive that is damaged, cut off, or has too many members. */
export async function zipMembers(
  opened: OpenFile,
  tool: Omit<Tool, 'program' | 'args'>,
): Promise<Member[]> {
  const entries = await directoryOf(opened)
    .then(entriesOf)
    .catch((error: Error) => {
      if ('code' in error && error.code === 'invalid') throw error;
      throw invalid(
        `The zip archive is cut off or damaged: its directory cannot be read (${error.message.slice(0, 200)}). Send the whole file.`,
      );
    });
  const files = entries.filter(({ fileName }) => !fileName.endsWith('/'));
  return files.map((entry) => ({
    name: entry.fileName,
    bytes: entry.uncompressedSize,
    fault: faultOf(entry),
    open: (signal) => {
      const args = ['-qq', '-p', tool.path, patternOf(entry.fileName, files)];
      return outputOf({ ...tool, program: 'unzip', args }, signal);
    },
  }));
}

function faultOf({ generalPurposeBitFlag, externalFileAttributes }: Entry): string | null {
  if ((generalPurposeBitFlag & encrypted) !== 0) return 'is encrypted; pack it without a password';
  const isLink = ((externalFileAttributes >>> 16) & kindMode) === linkMode;
  return isLink ? 'is a link, and links are not followed' : null;
}

/**
 * A pattern of unzip for one name. What is not plain in a name may stand for any text, so that no
 * name is read as a pattern. Throws `invalid` when other names fit it too.
 */
function patternOf(name: string, files: readonly Entry[]): string {
  const pattern = name.replaceAll(/[^A-Za-z0-9._/ -]+/g, '*').replace(/^-/, '?');
  const fits = new RegExp(
    `^${pattern.replaceAll(/[.]/g, '\\$&').replaceAll('*', '[\\s\\S]*').replaceAll('?', '[\\s\\S]')}$`,
  );
  if (files.filter(({ fileName }) => fits.test(fileName)).length !== 1)
    throw invalid(
      `The archive has several members whose names are like ${JSON.stringify(name.slice(0, 100))}; pack the disk alone.`,
    );
  return pattern;
}
