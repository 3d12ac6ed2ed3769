// Parses the descriptor of a VMDK: the text that says of which files a disk is made. It is not
// trusted. What names a device, another folder or a parent is refused, and a tool never reads it:
// it gets a descriptor of our own, with names of our own.

import { invalid } from '../../../domain/error.ts';

export interface Extent {
  sectors: number;
  type: 'SPARSE' | 'FLAT';
  /** A name without a folder. */
  name: string;
  /** Where the disk begins in a flat file. */
  offsetSectors: number;
}

export const descriptorBytesMax = 64 * 1024;
const extentsMax = 2048;
const sectorsMax = 2 ** 35;
const [noParent, sectorBytes] = ['ffffffff', 512];

const whole = [
  'monolithicsparse',
  'monolithicflat',
  'twogbmaxextentsparse',
  'twogbmaxextentflat',
  'streamoptimized',
  'vmfs',
  'custom',
];

/** Throws `invalid`, with the reason, for a disk that is not in files of its own alone. */
export function parseDescriptor(text: string): { extents: Extent[] } {
  const field = (name: string) =>
    new RegExp(`^[ \\t]*${name}[ \\t]*=[ \\t]*"?([^"\\r\\n]*)"?`, 'im').exec(text)?.[1]?.trim();
  const parent = field('parentCID')?.toLowerCase() ?? noParent;
  if (parent !== noParent || field('parentFileNameHint') !== undefined)
    throw invalid(
      'The VMDK holds only the difference from another disk, as snapshots and linked clones do; export the whole machine as an OVA, or consolidate its snapshots first.',
    );
  const createType = field('createType') ?? '';
  if (!whole.includes(createType.toLowerCase()))
    throw invalid(
      `The VMDK is of the type ${JSON.stringify(createType.slice(0, 40))}, whose disk is not in files of its own; export the machine as an OVA, and give that.`,
    );
  const extents: Extent[] = [];
  for (const line of text.split(/\r?\n/)) {
    const extent = extentOf(line);
    if (extent) extents.push(extent);
    if (extents.length > extentsMax)
      throw invalid(
        `The VMDK is divided into more than ${extentsMax} files; export the machine as an OVA.`,
      );
  }
  if (extents.length === 0)
    throw invalid('The VMDK is damaged: its descriptor names no file that holds the disk.');
  return { extents };
}

const shape =
  /^\s*(RW|RDONLY|NOACCESS)\s+(\d{1,15})\s+([A-Z0-9]{1,20})(?:\s+"([^"]{1,255})")?(?:\s+(\d{1,15}))?/i;

function extentOf(line: string): Extent | null {
  const found = shape.exec(line);
  if (!found) return null;
  const [, access = '', length = '', given = '', name = '', offset = '0'] = found;
  const type = given.toUpperCase();
  const sectors = Number(length);
  if (access.toUpperCase() === 'NOACCESS' || !['SPARSE', 'FLAT', 'VMFS'].includes(type))
    throw invalid(
      `The VMDK has a part of the type ${access} ${type}, which is not taken here; export the machine as an OVA, and give that.`,
    );
  if (sectors === 0 || sectors > sectorsMax || Number(offset) > sectorsMax)
    throw invalid(`The VMDK is damaged: it has a part of ${length} sectors at ${offset}.`);
  if (name === '' || /[/\\\0]|^\.\.?$/.test(name))
    throw invalid(
      `The VMDK names ${JSON.stringify(name)}, which is not a file beside it; put all its files into one folder, name them in its descriptor without a folder, and pack that.`,
    );
  return {
    sectors,
    type: type === 'SPARSE' ? 'SPARSE' : 'FLAT',
    name,
    offsetSectors: Number(offset),
  };
}

/** A descriptor of the same disk; `nameOf` gives the names of the files as a tool may read them. */
export function writeDescriptor(
  extents: readonly Extent[],
  nameOf: (index: number) => string,
): string {
  const lines = extents.map(
    ({ sectors, type, offsetSectors }, index) =>
      `RW ${sectors} ${type} "${nameOf(index)}"${type === 'FLAT' ? ` ${offsetSectors}` : ''}`,
  );
  const createType = extents.every(({ type }) => type === 'SPARSE') ? 'Sparse' : 'Flat';
  return [
    '# Disk DescriptorFile',
    'version=1',
    'CID=fffffffe',
    `parentCID=${noParent}`,
    `createType="twoGbMaxExtent${createType}"`,
    ...lines,
    '',
  ].join('\n');
}

/** The bytes that a flat file must have. */
export const flatBytes = ({ sectors, offsetSectors }: Extent) =>
  (sectors + offsetSectors) * sectorBytes;
