// Reads the headers of a tar archive (ustar, pax, GNU) from a file, without its content. OVAs are
// such archives.

import { isTar } from '../../../domain/disk-kind.ts';
import { invalid } from '../../../domain/error.ts';
import { assertWithin, damaged, type OpenFile, piecesIn, readPart } from './file-part.ts';
import { type Member, membersMax } from './member.ts';

const blockBytes = 512;
const textBytesMax = 64 * 1024;
const kinds: Record<string, string> = {
  '1': 'is a link, and links are not followed',
  '2': 'is a link, and links are not followed',
  '3': 'is a device',
  '4': 'is a device',
  '6': 'is a pipe',
  S: 'is packed with holes in a way of GNU tar that is not read here; pack it without --sparse',
};

interface Told {
  path?: string;
  size?: number;
  isSparse?: boolean;
}

const textAt = (block: Buffer, at: number, length: number) =>
  block.toString('utf8', at, at + length).replace(/\0[\s\S]*$/, '');

function numberAt(block: Buffer, at: number, length: number): number {
  // A number that is too large for octal digits is marked, and binary.
  if (((block[at] ?? 0) & 0x80) !== 0)
    return Number(BigInt(`0x${block.toString('hex', at + 1, at + length)}`));
  const digits = textAt(block, at, length).trim();
  if (!/^[0-7]*$/.test(digits))
    throw damaged('octal digits in a header of the archive', JSON.stringify(digits));
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

/** Records of the form `LENGTH KEY=VALUE`, which go before the header that they belong to. */
function paxOf(text: Buffer): Told {
  const told: Told = {};
  for (let at = 0; at < text.length; ) {
    const length = Number.parseInt(text.toString('latin1', at, at + 10), 10);
    if (!(length > 3) || at + length > text.length)
      throw damaged('a record in a header of the archive', 'other bytes');
    const [, key, value = ''] =
      /^\d+ ([^=]+)=([\s\S]*)\n$/.exec(text.toString('utf8', at, at + length)) ?? [];
    if (key === 'path') told.path = value;
    if (key === 'size') told.size = Number(value);
    if (key?.startsWith('GNU.sparse.')) told.isSparse = true;
    at += length;
  }
  return told;
}

/** Throws `invalid` for an archive that is damaged, cut off, or has too many members. */
export async function tarMembers(opened: OpenFile, signal: AbortSignal): Promise<Member[]> {
  const members: Member[] = [];
  let told: Told = {};
  for (let at = 0; at < opened.size; ) {
    signal.throwIfAborted();
    const header = await readPart(opened, at, blockBytes, 'a header of the archive');
    if (header.every((byte) => byte === 0)) break;
    if (!isTar(header))
      throw damaged(`the header of a member at byte ${at} of the archive`, 'other bytes');
    const type = String.fromCharCode(header[156] || 0x30);
    const isText = 'xgLK'.includes(type);
    const bytes = (isText ? undefined : told.size) ?? numberAt(header, 124, 12);
    const start = at + blockBytes;
    if (!Number.isSafeInteger(bytes) || bytes < 0)
      throw damaged('the size of a member of the archive', bytes);
    assertWithin(opened.size, start + bytes, 'a member of the archive');
    at = start + Math.ceil(bytes / blockBytes) * blockBytes;
    if (isText) {
      if (bytes > textBytesMax) throw damaged(`a header of at most ${textBytesMax} bytes`, bytes);
      const text = await readPart(opened, start, bytes, 'a header of the archive');
      if (type === 'x') told = { ...told, ...paxOf(text) };
      if (type === 'L') told = { ...told, path: textAt(text, 0, text.length) };
      continue;
    }
    if (type !== '5') members.push(memberOf(opened, { header, type, start, bytes, told }));
    told = {};
    if (members.length > membersMax)
      throw invalid(`The archive has more than ${membersMax} members; pack the disk alone.`);
  }
  return members;
}

interface Found {
  header: Buffer;
  type: string;
  start: number;
  bytes: number;
  told: Told;
}

function memberOf(opened: OpenFile, { header, type, start, bytes, told }: Found): Member {
  const prefix =
    textAt(header, 257, 5) === 'ustar' && header[262] === 0 ? textAt(header, 345, 155) : '';
  const name = told.path ?? (prefix === '' ? '' : `${prefix}/`) + textAt(header, 0, 100);
  return {
    name: name.replace(/^(\.\/)+/, ''),
    bytes,
    fault: kinds[told.isSparse ? 'S' : type] ?? null,
    open: () => piecesIn(opened, start, start + bytes),
  };
}
