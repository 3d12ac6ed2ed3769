// Copies the content of a judged disk from outside into a qcow2 of our own. Tools that know formats
// open the disk here, in a cage that shows them its own files alone.

import { mkdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { DiskFormat } from '../../../domain/disk-kind.ts';
import { type AppError, invalid } from '../../../domain/error.ts';
import { CommandError } from '../../../lib/spawn.ts';
import type { QemuUser } from '../confine.ts';
import { giveTo } from '../host.ts';
import { assertDiskFits } from '../partition.ts';
import { assertQcow2Whole, readingQcow2, virtualBytesMax } from '../qcow2.ts';
import { copyMs, qemuImg, refusedInput, scanMs } from '../qemu-img.ts';
import type { ForeignDisk } from './intake.ts';

/** Those whose structure qemu-img compares with the file. Ours are read before; see intake.ts. */
const checked: readonly DiskFormat[] = ['qcow2', 'qed'];

interface Convert {
  user: QemuUser;
  bytesMax?: number;
  signal?: AbortSignal;
}

const outputOf = (error: unknown) =>
  (error as AppError).cause instanceof CommandError
    ? ((error as AppError).cause as CommandError).output
    : '';

/** Turns the refusal of a tool into that of the file. */
const damaged = (what: string) => (error: AppError) => {
  if (!refusedInput(error)) throw error;
  throw /log that needs to be replayed/.test(outputOf(error))
    ? invalid(
        'The file was not closed by the program that wrote it; shut the machine down, or type: qemu-img check -r all FILE',
      )
    : invalid(`The file is damaged: ${what} cannot read it.`);
};

/** The options and the name by which qemu-img opens a disk. */
function sourceOf({ path, format }: ForeignDisk): [options: string[], name: string] {
  if (format !== 'vpc') return [['-f', format], path];
  // A VHD also tells its size in cylinders, which may leave out the end of the disk.
  const driver = 'driver=vpc,force_size_calc=current_size';
  return [['--image-opts'], `${driver},file.driver=file,file.filename=${basename(path)}`];
}

/**
 * Throws `invalid` unless the file is whole and sound by itself. Where the end of a file is
 * missing, a tool would read zeros instead of the content.
 */
async function assertSound(
  { path, format }: ForeignDisk,
  { user, signal }: Convert,
): Promise<void> {
  if (format === 'qcow2') await assertQcow2Whole(path, signal);
  const timeoutMs = scanMs((await stat(path)).size);
  await qemuImg(['check', '-f', format, '--output=json', path], user, dirname(path), {
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
    return damaged('qemu-img check')(error);
  });
}

/**
 * Copies a judged disk into a new standalone qcow2, checks the partitions on it, and returns its
 * size. Throws `invalid`, which states the expected and the found values, for a file or a disk that
 * is not whole.
 */
export async function convertDisk(
  disk: ForeignDisk,
  target: string,
  { user, bytesMax = Number.MAX_SAFE_INTEGER, signal }: Convert,
): Promise<number> {
  const cwd = dirname(disk.path);
  if (checked.includes(disk.format)) await assertSound(disk, { user, ...(signal && { signal }) });
  const [options, name] = sourceOf(disk);
  const layers = [disk.path, ...disk.parts];
  let size = 0;
  for (const path of layers) size += (await stat(path)).size;
  const limits = { signal, foreign: true, layers };
  const info = ['info', '--output=json', ...options, name];
  const text = await qemuImg(info, user, cwd, { ...limits, timeoutMs: scanMs(size) }).catch(
    damaged('qemu-img'),
  );
  const virtualBytes = sizeToldBy(text);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, '', { mode: 0o600 });
  await giveTo(user, target);
  const timeoutMs = copyMs(size + Math.min(virtualBytes, bytesMax));
  const convert = ['convert', ...options, '-O', 'qcow2', name, target];
  await qemuImg(convert, user, cwd, { ...limits, timeoutMs, bytesMax }).catch(damaged('qemu-img'));
  await readingQcow2(target, assertDiskFits);
  return virtualBytes;
}

/** The size of the disk, from the answer of `qemu-img info`, which opened no other file. */
function sizeToldBy(text: string): number {
  const info = JSON.parse(text) as Record<string, unknown>;
  const data = (info['format-specific'] as { data?: Record<string, unknown> } | undefined)?.data;
  if (
    info['backing-filename'] !== undefined ||
    info.encrypted === true ||
    data?.['data-file'] !== undefined
  )
    throw invalid(
      'The file names another file or is encrypted; give a disk that is complete by itself and not encrypted.',
    );
  const virtualBytes = Number(info['virtual-size']);
  if (!(virtualBytes > 0 && virtualBytes <= virtualBytesMax))
    throw invalid(
      `The file says that its disk has ${virtualBytes} bytes; the most is ${virtualBytesMax}.`,
    );
  return virtualBytes;
}
