// Finds the disk in a file from outside: unpacks what it is packed in, at most one compression and
// one archive, and judges its format before any tool that knows formats opens it.

import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assertHoldsDisk, type DiskFormat, headBytes } from '../../../domain/disk-kind.ts';
import { invalid } from '../../../domain/error.ts';
import type { QemuUser } from '../confine.ts';
import { giveTo } from '../host.ts';
import { copyMs, TooLarge } from '../qemu-img.ts';
import { writeSparse } from '../source.ts';
import { outputOf, unpackArgs } from '../stream-tool.ts';
import { assertWithin, type OpenFile, readUpTo, withFile } from './file-part.ts';
import { chooseDisk, type Member } from './member.ts';
import { tarMembers } from './tar.ts';
import { judgeQed, judgeVdi } from './vdi.ts';
import { hasVhdFooter, judgeVhd, judgeVhdx } from './vhd.ts';
import { judgeSparseExtent, judgeVmdk } from './vmdk.ts';
import { type Extent, flatBytes, writeDescriptor } from './vmdk-descriptor.ts';
import { zipMembers } from './zip.ts';

/** A disk that was judged. */
export interface ForeignDisk {
  path: string;
  format: DiskFormat;
  /** The files that it is divided into, beside the one at `path`. */
  parts: readonly string[];
}

interface Intake {
  /** Where unpacked files go, in the engine's folder. */
  folder: string;
  user: QemuUser;
  /** The name of the disk in an archive. */
  wanted?: string | undefined;
  /** The most bytes that unpacked files may take. */
  bytesMax: number;
  /** The most that a file may unpack to, holes included; see `unpackedRatioMax`. */
  unpackedBytes?: number;
  /** Is given each file that was decompressed, and may cut off what follows the disk in it. */
  cut?: (path: string) => Promise<void>;
  signal: AbortSignal;
}

const unpackedBytesDefault = 64 * 1024 ** 3;
/** A file may unpack to more when it is no more than so many times as large. */
const unpackedRatioMax = 1000;
const lookMs = 1000;

/**
 * Returns the disk in the file at `source`, which stays as it is; files are made in the folder.
 * Throws `invalid` for what is no disk, is not whole, or unpacks to too much.
 */
export async function takeDisk(source: string, intake: Intake): Promise<ForeignDisk> {
  let path = source;
  const opened = new Set<string>();
  while (true) {
    const found = await withFile(path, async (file) =>
      assertHoldsDisk(await readUpTo(file, 0, headBytes), file.size),
    );
    if (found.kind === 'disk') {
      if (intake.wanted !== undefined && !opened.has('archive'))
        throw invalid(
          `The file is no archive, so no disk in it is called ${JSON.stringify(intake.wanted)}; give it without a name.`,
        );
      return { path, format: await judged(path, found.format, intake.signal), parts: [] };
    }
    if (opened.has(found.kind))
      throw invalid(
        `The file is packed more than once (${found.by} in another ${found.kind === 'archive' ? 'archive' : 'compression'}), and only one of each is opened; unpack the outer one first.`,
      );
    opened.add(found.kind);
    const next = join(intake.folder, found.kind);
    const parts =
      found.kind === 'archive'
        ? await openArchive(path, found.by, next, intake)
        : await decompress(path, found.by, next, intake);
    if (path !== source) await rm(path);
    if (parts !== null) return { path: next, format: 'vmdk', parts };
    path = next;
  }
}

async function decompress(
  path: string,
  by: keyof typeof unpackArgs,
  to: string,
  intake: Intake,
): Promise<null> {
  const tool = { program: by, args: unpackArgs[by], path, user: intake.user, cwd: intake.folder };
  const { size } = await withFile(path, async (file) => file);
  await bounded({ to, packedBytes: size }, intake, (signal) => outputOf(tool, signal));
  await intake.cut?.(to);
  return null;
}

/** Puts the disk at `to`. Returns its parts when that is a descriptor; else null. */
async function openArchive(
  path: string,
  by: 'tar' | 'zip',
  to: string,
  intake: Intake,
): Promise<string[] | null> {
  const { folder, user, wanted, signal } = intake;
  // The tools' user reads the archive itself, for a member at a time.
  return withFile(path, async (opened) => {
    const members = await (by === 'tar'
      ? tarMembers(opened, signal)
      : zipMembers(opened, { path, user, cwd: folder }));
    const chosen = await chooseDisk(members, wanted, signal);
    const extract = (member: Member, target: string) =>
      bounded({ to: target, packedBytes: opened.size, member }, intake, (within) =>
        member.open(within),
      );
    if ('disk' in chosen) {
      await extract(chosen.disk, to);
      return null;
    }
    const parts: string[] = [];
    const left = { bytes: intake.bytesMax };
    for (const [index, member] of chosen.members.entries()) {
      const part = `${to}-${index}`;
      left.bytes -= await extract(member, part);
      if (left.bytes < 0) throw new TooLarge('the parts of a disk');
      await judgePart(part, chosen.extents[index], signal);
      parts.push(part);
    }
    await writeFile(
      to,
      writeDescriptor(chosen.extents, (index) => `archive-${index}`),
      { mode: 0o400 },
    );
    await giveTo(user, to);
    return parts;
  });
}

async function judgePart(part: string, extent: Extent | undefined, signal: AbortSignal) {
  if (extent === undefined) throw new TypeError('a part without an extent');
  await withFile(part, async (opened) => {
    if (extent.type === 'SPARSE') return judgeSparseExtent(opened, extent.sectors, signal);
    assertWithin(
      opened.size,
      flatBytes(extent),
      `the part of the disk in ${JSON.stringify(extent.name)}`,
    );
  });
}

/**
 * Writes a stream to a file of the tools' user, and returns the bytes that it takes. Throws
 * `invalid` for more than the limits, and for a member of another length than its archive says.
 */
async function bounded(
  { to, packedBytes, member }: { to: string; packedBytes: number; member?: Member },
  { user, bytesMax, unpackedBytes = unpackedBytesDefault, signal }: Intake,
  open: (signal: AbortSignal) => AsyncIterable<Buffer>,
): Promise<number> {
  const most = Math.max(unpackedBytes, packedBytes * unpackedRatioMax);
  const begun = performance.now();
  let [made, held] = [0, 0];
  const slow = new AbortController();
  // Each unpacked byte adds to the limit of time, so that a large disk has more than a small one.
  const watch = setInterval(() => {
    if (performance.now() - begun > copyMs(packedBytes + made))
      slow.abort(
        invalid(
          'The file took too long to unpack here; give the disk as a qcow2, or try again later.',
        ),
      );
  }, lookMs);
  try {
    const within = AbortSignal.any([signal, slow.signal]);
    const bytes = await writeSparse(open(within), to, (written) => {
      within.throwIfAborted();
      [made, held] = [written.bytes, written.heldBytes];
      if (held > bytesMax) throw new TooLarge('unpacking');
      if (made > most)
        throw invalid(
          `The file unpacks to more than ${most} bytes, and has ${packedBytes}; give the disk as a qcow2, which needs no unpacking.`,
        );
    });
    if (member && bytes !== member.bytes)
      throw invalid(
        `The archive is damaged: ${JSON.stringify(member.name.slice(0, 100))} has ${bytes} bytes, and its directory says ${member.bytes}.`,
      );
    await giveTo(user, to);
    return held;
  } finally {
    clearInterval(watch);
  }
}

/** Judges a disk by its structure, and returns its format. Throws `invalid`. */
async function judged(path: string, format: DiskFormat, signal: AbortSignal): Promise<DiskFormat> {
  return withFile(path, async (opened) => {
    // A VHD of a fixed size is a raw disk with a footer.
    const found = format === 'raw' && (await hasVhdFooter(opened)) ? 'vpc' : format;
    await judges[found]?.(opened, signal);
    return found;
  });
}

type Judge = (opened: OpenFile, signal: AbortSignal) => Promise<void>;

/** The structure of a qcow2 is judged where it is converted, and a raw disk has none. */
const judges: Partial<Record<DiskFormat, Judge>> = {
  qed: judgeQed,
  vdi: judgeVdi,
  vhdx: judgeVhdx,
  vmdk: judgeVmdk,
  vpc: judgeVhd,
};
