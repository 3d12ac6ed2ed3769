// Reads which logical volumes LVM has on a physical volume, and where they lie. Its description is a
// text behind the label. Volumes that lie on this disk alone, in plain segments, can be read;
// stripes, mirrors, snapshots and thin volumes cannot.

import { type Disk, damaged } from './file-tree.ts';

const sectorBytes = 512;
const labelSectors = 4;
const areaHeaderBytes = 512;
const textBytesMax = 4 * 1024 ** 2;
const [tokensMax, depthMax, volumesMax, segmentsMax] = [500_000, 12, 64, 10_000];

interface LogicalVolume {
  name: string;
  /** Null for one that does not lie on this disk alone, in plain segments. */
  disk: Disk | null;
  sizeBytes: number;
}

type Value = string | number | Value[] | Section;
interface Section {
  [name: string]: Value;
}

const token = /\s+|#[^\n]*|"((?:[^"\\]|\\.)*)"|([={}[\],])|([^\s={}[\],"#]+)/y;

/** The tokens of the text; a string begins with a quote. */
function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const found = token.exec(text);
    if (found === null || tokens.length > tokensMax) throw damaged('the description of LVM');
    if (found[1] !== undefined) tokens.push(`"${found[1]}`);
    else if (found[2] ?? found[3]) tokens.push(found[2] ?? found[3] ?? '');
  }
  return tokens;
}

/** Parses the text of LVM. Throws an Error for one that is not whole. */
function parseLvm(text: string): Section {
  const tokens = tokensOf(text);
  let at = 0;
  const next = () => {
    const found = tokens[at++];
    if (found === undefined) throw damaged('the description of LVM');
    return found;
  };
  const value = (): Value => {
    const first = next();
    if (first === '[') {
      const list: Value[] = [];
      for (let one = next(); one !== ']'; one = next()) {
        if (one === ',') continue;
        at--;
        list.push(value());
      }
      return list;
    }
    if (first.startsWith('"')) return first.slice(1);
    return /^-?[0-9.]+$/.test(first) ? Number(first) : first;
  };
  const section = (depth: number): Section => {
    if (depth > depthMax) throw damaged('the description of LVM');
    const found: Section = Object.create(null);
    while (at < tokens.length && tokens[at] !== '}') {
      const name = next();
      const sign = next();
      if (sign === '=') found[name] = value();
      else if (sign === '{') {
        found[name] = section(depth + 1);
        if (next() !== '}') throw damaged('the description of LVM');
      } else throw damaged('the description of LVM');
    }
    return found;
  };
  return section(0);
}

const sectionsOf = (value: Value | undefined): [string, Section][] =>
  typeof value === 'object' && !Array.isArray(value)
    ? Object.entries(value).filter(
        (entry): entry is [string, Section] =>
          typeof entry[1] === 'object' && !Array.isArray(entry[1]),
      )
    : [];

const whole = (value: Value | undefined): number => {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw damaged('a number in the description of LVM');
  return value;
};

interface Segment {
  at: number;
  bytes: number;
  place: number;
}

/** The volumes on the physical volume that a disk is. Throws an Error for one that is damaged. */
export async function logicalVolumes(disk: Disk): Promise<LogicalVolume[]> {
  const label = await labelOf(disk);
  if (label === null) throw damaged('the label of LVM');
  const text = await textOf(disk, label);
  const found: LogicalVolume[] = [];
  for (const [, group] of sectionsOf(parseLvm(text))) {
    const extentBytes = whole(group.extent_size) * sectorBytes;
    const own = sectionsOf(group.physical_volumes).find(
      ([, { id }]) => typeof id === 'string' && id.replaceAll('-', '') === label.id,
    );
    if (own === undefined) continue;
    const startBytes = whole(own[1].pe_start) * sectorBytes;
    for (const [name, volume] of sectionsOf(group.logical_volumes).slice(0, volumesMax)) {
      const segments = segmentsOf(volume, { pv: own[0], extentBytes, startBytes });
      const sizeBytes = sizeOf(volume, extentBytes);
      found.push({ name, sizeBytes, disk: segments && mapped(disk, segments, sizeBytes) });
    }
  }
  return found;
}

const segmentsIn = (volume: Section): Section[] =>
  sectionsOf(volume)
    .filter(([name]) => /^segment[0-9]+$/.test(name))
    .slice(0, segmentsMax)
    .map(([, segment]) => segment);

const sizeOf = (volume: Section, extentBytes: number) =>
  segmentsIn(volume).reduce((sum, one) => sum + whole(one.extent_count) * extentBytes, 0);

/** Null when a segment is not plain, or lies on another disk. */
function segmentsOf(
  volume: Section,
  { pv, extentBytes, startBytes }: { pv: string; extentBytes: number; startBytes: number },
): Segment[] | null {
  const found: Segment[] = [];
  for (const segment of segmentsIn(volume)) {
    const { type, stripe_count: count, stripes } = segment;
    if (type !== 'striped' || count !== 1 || !Array.isArray(stripes) || stripes[0] !== pv)
      return null;
    found.push({
      at: whole(segment.start_extent) * extentBytes,
      bytes: whole(segment.extent_count) * extentBytes,
      place: startBytes + whole(stripes[1]) * extentBytes,
    });
  }
  return found;
}

/** A disk that lies in pieces on another one. What no segment has reads as zeros. */
function mapped(disk: Disk, segments: readonly Segment[], bytes: number): Disk {
  const fill = async (target: Buffer, offset: number) => {
    target.fill(0);
    for (const { at, bytes: length, place } of segments) {
      const [start, end] = [Math.max(offset, at), Math.min(offset + target.length, at + length)];
      if (start < end)
        await disk.fill(target.subarray(start - offset, end - offset), place + start - at);
    }
  };
  return {
    bytes,
    fill,
    async read(offset, length) {
      const target = Buffer.alloc(length);
      await fill(target, offset);
      return target;
    },
  };
}

interface Label {
  id: string;
  /** Where the description is kept. */
  areaBytes: number;
  areaAt: number;
}

async function labelOf(disk: Disk): Promise<Label | null> {
  for (let sector = 0; sector < labelSectors; sector++) {
    const raw = await disk.read(sector * sectorBytes, sectorBytes);
    const isLabel =
      raw.toString('latin1', 0, 8) === 'LABELONE' && raw.toString('latin1', 24, 32) === 'LVM2 001';
    if (!isLabel) continue;
    const at = raw.readUInt32LE(20);
    if (at > sectorBytes - 40 - 32) return null;
    let place = at + 40;
    // The list of areas for data ends with zeros; that of descriptions follows.
    for (let lists = 0; place + 32 <= sectorBytes; place += 16) {
      const areaAt = Number(raw.readBigUInt64LE(place));
      if (areaAt === 0) {
        if (++lists === 2) return null;
        continue;
      }
      if (lists === 1)
        return {
          id: raw.toString('latin1', at, at + 32),
          areaAt,
          areaBytes: Number(raw.readBigUInt64LE(place + 8)),
        };
    }
  }
  return null;
}

async function textOf(disk: Disk, { areaAt, areaBytes }: Label): Promise<string> {
  const head = await disk.read(areaAt, areaHeaderBytes);
  if (head.toString('latin1', 4, 8) !== ' LVM') throw damaged('the description of LVM');
  const [start, bytes] = [Number(head.readBigUInt64LE(40)), Number(head.readBigUInt64LE(48))];
  if (bytes > textBytesMax || bytes > areaBytes || start > areaBytes)
    throw damaged('the description of LVM');
  // It is a ring behind the header of the area.
  const first = Math.min(bytes, areaBytes - start);
  const parts = [await disk.read(areaAt + start, first)];
  if (first < bytes) parts.push(await disk.read(areaAt + areaHeaderBytes, bytes - first));
  return Buffer.concat(parts).toString('latin1').replaceAll('\0', ' ');
}
