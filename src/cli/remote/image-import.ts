// silversmith image import

import { open } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { Client, ClientOptions } from '../../client/client.ts';
import { ApiError } from '../../client/errors.ts';
import { firmwares } from '../../contract/firmware.ts';
import { jsonFile, readableFile } from '../file.ts';
import { print } from '../output.ts';
import { UsageError, words } from '../parse.ts';
import { type Progress, progressLine } from '../progress.ts';
import {
  clientOf,
  findCredentials,
  type Remote,
  type RemoteContext,
  remoteOptions,
} from './context.ts';
import { follow, stateOf, type Waiting } from './follow.ts';
import { idOf } from './name.ts';
import { settledImage } from './settle.ts';
import { digestOf, lookAtTransfer, share, sizeOf } from './transfer.ts';

interface Imported {
  name?: string;
  manifest?: string;
  heal?: string;
  resume?: string;
  disk?: string;
  bootCheck?: boolean;
  firmware?: (typeof firmwares)[number];
  tpm?: boolean;
}

export function imageImportCommand(noun: Command, context: RemoteContext): void {
  remoteOptions(
    noun
      .command('import <file>')
      .description('make an image of a disk (qcow2, raw, VMDK, VHD, VDI, OVA …), or of an export'),
  )
    .option('--name <name>', 'name of the image', words(30))
    .option(
      '--manifest <file>',
      'what image export wrote beside the file; default: FILE.json when it is there',
    )
    .option(
      '--heal <image>',
      'a damaged image whose export this is: its bytes are mended, and no image is made',
    )
    .option('--disk <name>', 'the disk in an archive that holds several', words(255))
    .option(
      '--boot-check',
      'start a machine on it once, and fail the image when that does not come up',
    )
    .addOption(
      new Option(
        '--firmware <firmware>',
        'what starts the loader on the disk; default: the one that the disk is made for',
      ).choices(firmwares),
    )
    .option('--tpm', 'give its machines a TPM 2.0')
    .option('--resume <transfer>', 'go on with an import that was cut off', words(100))
    .option('--no-wait', 'return when all is sent')
    .action((file: string, flags: Remote & Imported) => importImage(file, flags, context));
}

async function importImage(
  file: string,
  flags: Remote & Imported,
  { terminal, env }: RemoteContext,
): Promise<void> {
  const size = await readableFile('The file to import', file);
  if (size === 0)
    throw new UsageError(`${file} is empty; give a disk, or what image export wrote.`);
  const described = await describedBy(file, flags.manifest);
  const options = await findCredentials(flags, env);
  const client = await clientOf(options);
  const heal = flags.heal === undefined ? undefined : await idOf(client, 'image', flags.heal);
  const progress = progressLine(terminal);
  progress.say('taking the digest');
  const begin = async () =>
    client.imageImport({
      size_bytes: size,
      sha256: await digestOf(file),
      ...(flags.name !== undefined && { name: flags.name }),
      ...described,
    });
  const transferId = flags.resume ?? (await begin()).id;
  try {
    await send(file, transferId, client, options, progress);
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 400))
      terminal.err(`To go on: the same command with --resume ${transferId}`);
    // No other attempt would help, so nothing of it is kept on the server.
    else await client.transferDelete({ id: transferId });
    throw error;
  } finally {
    progress.end();
  }
  const image = await client.transferFinish({
    id: transferId,
    ...(heal !== undefined && { heal_image_id: heal }),
    ...(flags.disk !== undefined && { disk: flags.disk }),
    ...(flags.bootCheck && { boot_check: true }),
    ...(flags.firmware !== undefined && { firmware: flags.firmware }),
    ...(flags.tpm && { tpm: true }),
  });
  const { id } = image.attributes;
  if (flags.wait === false)
    return print(terminal, flags, image, `Image ${id} is being made of it.`);
  const waiting = { terminal, server: options };
  await whenDecided(client, transferId, id, waiting);
  const last = await settledImage(client, id, waiting);
  const { name, status } = last.attributes;
  print(terminal, flags, last, `Image ${id} (${name}) is ${status}.`);
}

/** The manifest that was named, or the one beside the file when there is one. */
async function describedBy(file: string, given: string | undefined) {
  const beside = given ?? ((await sizeOf(`${file}.json`)) === null ? null : `${file}.json`);
  if (beside === null) return {};
  await readableFile('--manifest', beside);
  const { manifest, signature } = await jsonFile('--manifest', beside, ['manifest', 'signature']);
  return { manifest, signature };
}

/** Sends the parts of the file that the server does not have. */
async function send(
  file: string,
  transferId: string,
  client: Client,
  options: ClientOptions,
  progress: Progress,
): Promise<void> {
  const { upload } = await import('../../client/transfer.ts');
  const source = await open(file);
  try {
    const read = async (offset: number, length: number) => {
      const { buffer, bytesRead } = await source.read(Buffer.alloc(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    };
    await upload(client, options, transferId, read, {
      onBytes: (done, total) => progress.say('sending', share(done, total), done / total),
    });
  } finally {
    await source.close();
  }
}

/**
 * Waits until the server has made the image, or has not. The transfer is asked and not the image,
 * because an image that is being healed is `failed` until it is whole. Throws UsageError with the
 * reason.
 */
async function whenDecided(
  client: Client,
  transferId: string,
  imageId: number,
  waiting: Waiting,
): Promise<void> {
  const last = await follow(waiting, {
    noun: `image ${imageId}, import`,
    subject: 'transfer',
    things: [{ id: transferId }],
    ask: async (id, signal) => (await client.transferGet({ id }, { signal })).attributes,
    look: lookAtTransfer,
    watch: `image show ${imageId} --wait`,
  });
  const decided = stateOf(last, transferId);
  if (decided.status === 'failed')
    throw new UsageError(decided.status_reason ?? 'The import failed.', 'failed');
}
