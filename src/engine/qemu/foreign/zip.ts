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
    name: nameOf(entry),
    bytes: entry.uncompressedSize,
    fault: faultOf(entry),
    open: (signal) => {
      const args = ['-qq', '-p', tool.path, patternOf(entry.fileName, files)];
      return outputOf({ ...tool, program: 'unzip', args }, signal);
    },
  }));
}

/** Programs of Unix write UTF-8 without saying so; yauzl then reads the letters of DOS. */
function nameOf({ fileName, fileNameRaw }: Entry): string {
  const text = fileNameRaw.toString('utf8');
  return Buffer.from(text).equals(fileNameRaw) ? text : fileName;
}

function faultOf({ generalPurposeBitFlag, externalFileAttributes }: Entry): string | null {
  if ((generalPurposeBitFlag & encrypted) !== 0) return 'is encrypted; pack it without a password';
  const isLink = ((externalFileAttributes >>> 16) & kindMode) === linkMode;
  return isLink ? 'is a link, and links are not followed' : null;
}

const plain = /[A-Za-z0-9._/ ]/;

/**
 * A pattern of unzip for one name: all from the first to the last character that is not plain may
 * be any text, so that no name is read as a pattern. Throws `invalid` when other names fit it too.
 */
function patternOf(name: string, files: readonly Entry[]): string {
  const odd = [...name].map((one) => !plain.test(one));
  const [first, last] = [odd.indexOf(true), odd.lastIndexOf(true)];
  if (first === -1) return name;
  const [before, behind] = [[...name].slice(0, first).join(''), [...name].slice(last + 1).join('')];
  const fits = ({ fileName: one }: Entry) =>
    one.length >= before.length + behind.length && one.startsWith(before) && one.endsWith(behind);
  if (files.filter(fits).length !== 1)
    throw invalid(
      `The archive has several members whose names are like ${JSON.stringify(name.slice(0, 100))}; pack the disk alone, or under a plain name.`,
    );
  return `${before}*${behind}`;
}
