// Writes the few tar entries that Incus's images need: a metadata file, and one file beside it.

import { invalid } from '../../domain/error.ts';

const blockBytes = 512;
/** The most that the plain header of an entry can say. */
const entryBytesMax = 8 ** 11 - 1;

const padding = (bytes: number) => (blockBytes - (bytes % blockBytes)) % blockBytes;

/** The header of a file that root owns, in the ustar format. Throws `invalid` for 8 GB and more. */
export function tarHeader(name: string, bytes: number): Buffer {
  if (bytes > entryBytesMax)
    throw invalid(`A file of ${bytes} bytes is too large here; the most is ${entryBytesMax}.`);
  const header = Buffer.alloc(blockBytes);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0');
  header.write(name, 0, 100);
  header.write(`${octal(0o644, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`, 100);
  header.write(`${octal(bytes, 11)}\0${octal(0, 11)}\0`, 124);
  header.write('        0', 148);
  header.write('ustar\0' + '00', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148);
  return header;
}

/** The bytes after the content of an entry. */
export const tarPadding = (bytes: number): Buffer => Buffer.alloc(padding(bytes));

/** The end of a tar file. */
export const tarEnd = Buffer.alloc(2 * blockBytes);

const architectures: Partial<Record<NodeJS.Architecture, string>> = {
  x64: 'x86_64',
  arm64: 'aarch64',
};

/** The entry of an image's metadata. The same input gives the same bytes. */
export function metadataEntry(description: string): Buffer {
  const text = Buffer.from(
    [
      `architecture: ${architectures[process.arch] ?? process.arch}`,
      'creation_date: 1',
      'properties:',
      `  description: ${JSON.stringify(description)}`,
      '',
    ].join('\n'),
  );
  const header = tarHeader('metadata.yaml', text.length);
  return Buffer.concat([header, text, tarPadding(text.length)]);
}
