// Reads which logical volumes LVM has on the physical volumes of a disk, and where they lie. Its
// description is a text behind the label. Volumes that lie on this disk alone, in plain or striped
// segments, can be read; mirrors, snapshots, caches and thin volumes cannot.

import { type Disk, damaged } from './file-tree.ts';

const sectorBytes = 512;
const labelSectors = 4;
const areaHeaderBytes = 512;
const textBytesMax = 4 * 1024 ** 2;
const [tokensMax, depthMax, volumesMax, segmentsMax] = [500_000, 12, 64, 10_000];
const [stripesMax, stripeBytesMin] = [128, 4096];

interface LogicalVolume {
  name: string;
  /** Null for one that is not read. */
  disk: Disk | null;
  /** Why it is not read. */
  fault: string | null;
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

/** A place of a stripe: a physical volume, and a byte on it. */
interface Place {
  disk: Disk;
  startBytes: number;
}

interface Segment {
  at: number;
  bytes: number;
  /** So many bytes lie on one stripe before the next one follows. */
  stripeBytes: number;
  stripes: readonly Place[];
}

/**
 * The volumes on the physical volumes that the parts of one disk are. Throws an Error when their
 * description is damaged.
 */
export async function logicalVolumes(parts: readonly Disk[]): Promise<LogicalVolume[]> {
  const disks = new Map<string, Disk>();
  const groups = new Map<string, Section>();
  for (const disk of parts) {
    const label = await labelOf(disk);
    if (label === null) throw damaged('the label of LVM');
    disks.set(label.id, disk);
    if (label.areaBytes === 0) continue;
    for (const [name, group] of sectionsOf(parseLvm(await textOf(disk, label)))) {
      const known = groups.get(name);
      if (known === undefined || whole(known.seqno) < whole(group.seqno)) groups.set(name, group);
    }
  }
  return [...groups.values()].flatMap((group) => volumesIn(group, disks));
}

const plainId = (id: Value | undefined) => (typeof id === 'string' ? id.replaceAll('-', '') : '');

function volumesIn(group: Section, disks: ReadonlyMap<string, Disk>): LogicalVolume[] {
  const extentBytes = whole(group.extent_size) * sectorBytes;
  const places = new Map<string, Place>();
  for (const [name, { id, pe_start: start }] of sectionsOf(group.physical_volumes)) {
    const disk = disks.get(plainId(id));
    if (disk) places.set(name, { disk, startBytes: whole(start) * sectorBytes });
  }
  return sectionsOf(group.logical_volumes)
    .filter(([, { status }]) => !Array.isArray(status) || status.includes('VISIBLE'))
    .slice(0, volumesMax)
    .map(([name, volume]) => {
      const sizeBytes = sizeOf(volume, extentBytes);
      const segments = segmentsOf(volume, extentBytes, places);
      return typeof segments === 'string'
        ? { name, sizeBytes, disk: null, fault: segments }
        : { name, sizeBytes, disk: mapped(segments, sizeBytes), fault: null };
    });
}

const segmentsIn = (volume: Section): Section[] =>
  sectionsOf(volume)
    .filter(([name]) => /^segment[0-9]+$/.test(name))
    .slice(0, segmentsMax)
    .map(([, segment]) => segment);

const sizeOf = (volume: Section, extentBytes: number) =>
  segmentsIn(volume).reduce((sum, one) => sum + whole(one.extent_count) * extentBytes, 0);

/** Why a segment of a type is not read. */
const typeFaults: Record<string, string> = {
  thin: 'it is a thin volume, whose blocks only the driver of its pool finds',
  'thin-pool': 'it is the pool of thin volumes',
};
const typeFault = (type: Value | undefined) =>
  typeof type === 'string' && /^[a-z0-9_+-]{1,24}$/.test(type)
    ? (typeFaults[type] ?? `it is of the type ${type}, and only linear and striped ones are read`)
    : 'it is of an unknown type';

/** Returns the reason when a segment is of another kind, or lies on another disk. */
function segmentsOf(
  volume: Section,
  extentBytes: number,
  places: ReadonlyMap<string, Place>,
): Segment[] | string {
  const found: Segment[] = [];
  for (const segment of segmentsIn(volume)) {
    if (segment.type !== 'striped') return typeFault(segment.type);
    const count = whole(segment.stripe_count);
    const { stripes } = segment;
    if (!Array.isArray(stripes) || count < 1 || count > stripesMax || stripes.length < 2 * count)
      throw damaged('the stripes of LVM');
    const bytes = whole(segment.extent_count) * extentBytes;
    const stripeBytes = count === 1 ? bytes : whole(segment.stripe_size) * sectorBytes;
    if (count > 1 && stripeBytes < stripeBytesMin) throw damaged('the stripes of LVM');
    const on: Place[] = [];
    for (let each = 0; each < count; each++) {
      const place = places.get(String(stripes[2 * each]));
      if (place === undefined) return 'a part of it lies on another disk';
      const startBytes = place.startBytes + whole(stripes[2 * each + 1]) * extentBytes;
      on.push({ disk: place.disk, startBytes });
    }
    const at = whole(segment.start_extent) * extentBytes;
    found.push({ at, bytes, stripeBytes, stripes: on });
  }
  return found;
}

/** Fills a buffer from a place in a segment. */
async function fillFrom(
  { stripeBytes, stripes }: Segment,
  target: Buffer,
  from: number,
): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const [piece, within] = [Math.floor((from + done) / stripeBytes), (from + done) % stripeBytes];
    const length = Math.min(target.length - done, stripeBytes - within);
    const stripe = stripes[piece % stripes.length];
    if (stripe === undefined) throw damaged('the stripes of LVM');
    const place = stripe.startBytes + Math.floor(piece / stripes.length) * stripeBytes + within;
    await stripe.disk.fill(target.subarray(done, done + length), place);
    done += length;
  }
}

/** A disk that lies in pieces on others. What no segment has reads as zeros. */
function mapped(segments: readonly Segment[], bytes: number): Disk {
  const fill = async (target: Buffer, offset: number) => {
    target.fill(0);
    for (const segment of segments) {
      const { at, bytes: length } = segment;
      const [start, end] = [Math.max(offset, at), Math.min(offset + target.length, at + length)];
      if (start < end)
        await fillFrom(segment, target.subarray(start - offset, end - offset), start - at);
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
  /** Where the description is kept; 0 bytes where it is kept on other volumes alone. */
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
    const id = raw.toString('latin1', at, at + 32);
    let place = at + 40;
    // The list of areas for data ends with zeros; that of descriptions follows.
    for (let lists = 0; place + 32 <= sectorBytes; place += 16) {
      const areaAt = Number(raw.readBigUInt64LE(place));
      if (areaAt === 0) {
        if (++lists === 2) return { id, areaAt: 0, areaBytes: 0 };
        continue;
      }
      if (lists === 1)
        return {
          id,
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
