// Checks and copies disks from outside, which are not trusted. Their first bytes are read before
// any tool opens them; a tool that reaches no other file checks them; and their content is copied
// into a file of our own.

import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type AppError, invalid } from '../../domain/error.ts';
import { type Content, headOf } from '../../lib/content.ts';
import { CommandError } from '../../lib/spawn.ts';
import type { QemuUser } from './confine.ts';
import { storedBytes } from './disk-file.ts';
import { giveTo } from './host.ts';
import { assertDiskFits } from './partition.ts';
import { assertQcow2Whole, isQcow2, parseQcow2Header, readingQcow2 } from './qcow2.ts';
import { copyMs, qemuImg, refusedInput, scanMs } from './qemu-img.ts';

/** The first bytes of the file, which are checked before any tool opens it. */
const headBytes = 64 * 1024;

const foreignFormats: [name: string, offset: number, magic: string][] = [
  ['a VMDK disk', 0, 'KDMV'],
  ['a VHDX disk', 0, 'vhdxfile'],
  ['a VHD disk', 0, 'conectix'],
  ['a VDI disk', 64, '\x7f\x10\xda\xbe'],
  ['compressed with gzip', 0, '\x1f\x8b'],
  ['compressed with xz', 0, '\xfd7zXZ'],
  ['compressed with zstd', 0, '\x28\xb5\x2f\xfd'],
  ['a zip archive', 0, 'PK\x03\x04'],
  ['an ISO image', 32769, 'CD001'],
  ['a tar archive', 257, 'ustar'],
];

/**
 * Reads the format of a file from its first bytes, without a tool that could follow names in it.
 * Throws `invalid` when it is not a qcow2 or raw disk, or names a backing file, a data file,
 * encryption or snapshots.
 */
export async function inspectForeignDisk(content: Content): Promise<'qcow2' | 'raw'> {
  const { bytes: size } = content;
  const read = await headOf(content, headBytes);
  const head = Buffer.alloc(headBytes);
  read.copy(head);
  if (isQcow2(read)) {
    parseQcow2Header(head);
    return 'qcow2';
  }
  for (const [name, offset, magic] of foreignFormats) {
    if (head.toString('latin1', offset, offset + magic.length) === magic) {
      throw invalid(
        `The file is ${name}; give a qcow2 or raw disk (qemu-img convert -O qcow2 makes one).`,
      );
    }
  }
  const bootSector = head.readUInt16BE(510) === 0x55aa;
  const ext = head.readUInt16LE(1080) === 0xef53;
  const otherFileSystem = head.toString('latin1', 0, 4) === 'XFSB';
  if ((bootSector || ext || otherFileSystem) && size % 512 !== 0)
    throw invalid(
      `The file is cut off, or something follows its disk: it has ${size} bytes, and a raw disk has whole sectors of 512. For an export of Silversmith, give its manifest too (FILE.json).`,
    );
  if (size < 1024 * 1024 || !(bootSector || ext || otherFileSystem)) {
    throw invalid(
      'The file is not a disk: it is no qcow2, and has neither a partition table nor a file system.',
    );
  }
  return 'raw';
}

/**
 * The most bytes that the content of a disk takes once it is unpacked. Throws `invalid` for a file
 * that is cut off.
 */
export async function contentBytes(
  path: string,
  format: 'qcow2' | 'raw',
  signal: AbortSignal,
): Promise<number> {
  return format === 'qcow2' ? assertQcow2Whole(path, signal) : storedBytes(path);
}

/**
 * Throws `invalid` unless the file is whole and sound by itself. Where the end of a file is
 * missing, a tool would read zeros instead of the content.
 */
async function assertSoundQcow2(path: string, user: QemuUser, signal?: AbortSignal): Promise<void> {
  await assertQcow2Whole(path, signal);
  const timeoutMs = scanMs((await stat(path)).size);
  await qemuImg(['check', '-f', 'qcow2', '--output=json', path], user, dirname(path), {
    timeoutMs,
    signal,
    foreign: true,
  }).catch((error: AppError) => {
    const { exitCode = null, output = '' } = error.cause instanceof CommandError ? error.cause : {};
    const count = (name: string) =>
      Number(new RegExp(`"${name}": ([0-9]+)`).exec(output)?.[1] ?? 0);
    if (exitCode === 2)
      throw invalid(
        `The file is damaged: qemu-img check finds ${count('corruptions')} errors in it; give a whole one.`,
      );
    if (exitCode === 3)
      throw invalid(
        `The file was not closed by the program that wrote it: qemu-img check finds ${count('leaks')} lost clusters, and expected none. Type: qemu-img check -r leaks FILE`,
      );
    throw refusedInput(error)
      ? invalid('The file is damaged: qemu-img check cannot read it.')
      : error;
  });
}

/**
 * Copies a checked file into a new standalone qcow2, checks the partitions of its disk, and returns
 * the size of the disk. Throws `invalid`, which states the expected and the found values, for a
 * file or a disk that is not whole.
 */
export async function convertForeignDisk(
  source: string,
  format: 'qcow2' | 'raw',
  target: string,
  user: QemuUser,
  { bytesMax = Number.MAX_SAFE_INTEGER, signal }: { bytesMax?: number; signal?: AbortSignal } = {},
): Promise<number> {
  const cwd = dirname(source);
  if (format === 'qcow2') await assertSoundQcow2(source, user, signal);
  const { size } = await stat(source);
  const damaged = (error: AppError) => {
    throw refusedInput(error) ? invalid('The file is damaged: qemu-img cannot read it.') : error;
  };
  const args = ['info', '--output=json', '-f', format, source];
  const text = await qemuImg(args, user, cwd, {
    timeoutMs: scanMs(size),
    signal,
    foreign: true,
  }).catch(damaged);
  const info = JSON.parse(text) as Record<string, unknown>;
  const data = (info['format-specific'] as { data?: Record<string, unknown> } | undefined)?.data;
  if (
    info['backing-filename'] !== undefined ||
    info.encrypted === true ||
    data?.['data-file'] !== undefined
  ) {
    throw invalid(
      'The file names another file or is encrypted; flatten it first: qemu-img convert -O qcow2 IN OUT',
    );
  }
  const virtualBytes = Number(info['virtual-size']);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, '', { mode: 0o600 });
  await giveTo(user, target);
  const timeoutMs = copyMs(size + Math.min(virtualBytes, bytesMax));
  const convert = ['convert', '-f', format, '-O', 'qcow2', source, target];
  await qemuImg(convert, user, cwd, { timeoutMs, bytesMax, signal, foreign: true }).catch(damaged);
  await readingQcow2(target, assertDiskFits);
  return virtualBytes;
}
