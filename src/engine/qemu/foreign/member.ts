// The members of an archive from outside, and which of them is the disk. Their names are shown and
// compared, and are never used as paths.

import { headBytes, kindOf } from '../../../domain/disk-kind.ts';
import { invalid } from '../../../domain/error.ts';
import { descriptorBytesMax, type Extent, parseDescriptor } from './vmdk-descriptor.ts';

export interface Member {
  name: string;
  bytes: number;
  /** Why it cannot be read; null for a plain file. */
  fault: string | null;
  /** Its content in pieces, until the caller wants no more. */
  open(signal: AbortSignal): AsyncIterable<Buffer>;
}

/** One member that is a disk, or the descriptor of one and the members that it names. */
type Chosen = { disk: Member } | { extents: Extent[]; members: Member[] };

export const membersMax = 2048;
const shownMax = 10;

async function firstBytes(member: Member, most: number, signal: AbortSignal): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of member.open(signal)) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes >= most) break;
  }
  return Buffer.concat(pieces).subarray(0, most);
}

const shown = (members: readonly { name: string }[]) => {
  const names = members.map(({ name }) => JSON.stringify(name.slice(0, 100))).sort();
  return names.slice(0, shownMax).join(', ') + (members.length > shownMax ? ' …' : '');
};

/**
 * Looks at the content of each member. `wanted` is the name of one, with its folder or without it.
 * Throws `invalid`, with the names, unless exactly one disk is meant.
 */
export async function chooseDisk(
  members: readonly Member[],
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<Chosen> {
  const asked = wanted === undefined ? members : named(members, wanted);
  const disks: Member[] = [];
  const descriptors: { member: Member; extents: Extent[] }[] = [];
  let nested: Member | undefined;
  for (const member of asked) {
    if (member.fault !== null) continue;
    const { kind } = kindOf(await firstBytes(member, headBytes, signal), member.bytes);
    if (kind === 'disk' || kind === 'compressed') disks.push(member);
    if (kind === 'archive') nested ??= member;
    if (kind === 'descriptor') {
      const text = await firstBytes(member, descriptorBytesMax, signal);
      descriptors.push({ member, ...parseDescriptor(text.toString('utf8')) });
    }
  }
  const parts = new Set(
    descriptors.flatMap(({ member, extents }) => extents.map(({ name }) => beside(member, name))),
  );
  const alone = disks.filter(({ name }) => !parts.has(name));
  const found = [...alone, ...descriptors.map(({ member }) => member)];
  if (found.length > 1)
    throw invalid(
      `The archive holds ${found.length} disks, and an image is made of one: ${shown(found)}. Name the one that is meant (--disk NAME), or give it alone.`,
    );
  const [disk] = alone;
  if (disk) return { disk };
  const [descriptor] = descriptors;
  if (descriptor) return withExtents(members, descriptor);
  if (nested)
    throw invalid(
      `The archive holds another archive, ${shown([nested])}, and only one is opened; unpack the outer one, and give what is in it.`,
    );
  throw noDisk(asked);
}

function noDisk(members: readonly Member[]) {
  const faulty = members.find(({ fault }) => fault !== null);
  if (members.length === 0) return invalid('The archive is empty; give one that holds a disk.');
  const why = faulty ? ` (${JSON.stringify(faulty.name.slice(0, 100))} ${faulty.fault})` : '';
  return invalid(`The archive holds no disk: in it are ${shown(members)}${why}.`);
}

const beside = ({ name }: Member, other: string) =>
  name.slice(0, name.lastIndexOf('/') + 1) + other;

function named(members: readonly Member[], wanted: string): Member[] {
  const exact = members.filter(({ name }) => name === wanted);
  const found =
    exact.length > 0 ? exact : members.filter(({ name }) => name.endsWith(`/${wanted}`));
  if (found.length !== 1)
    throw invalid(
      `The archive has ${found.length} members of the name ${JSON.stringify(wanted)}; in it are ${shown(members)}.`,
    );
  return found;
}

function withExtents(
  members: readonly Member[],
  { member, extents }: { member: Member; extents: Extent[] },
): Chosen {
  const files = extents.map(({ name }) => {
    const path = beside(member, name);
    const file = members.find((one) => one.name === path);
    if (!file)
      throw invalid(
        `The descriptor ${shown([member])} names ${JSON.stringify(name)}, which is not in the archive; pack all files of the disk.`,
      );
    if (file.fault !== null) throw invalid(`${shown([file])}, a part of the disk, ${file.fault}.`);
    return file;
  });
  return { extents, members: files };
}
