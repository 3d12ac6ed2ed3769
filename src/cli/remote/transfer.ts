// silversmith image export|import

import { createHash } from 'node:crypto';
import { open, rename, stat, writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { createClient } from '../../client/client.ts';
import { download, upload } from '../../client/transfer.ts';
import { waitForImage } from '../../client/wait.ts';
import type { Environment } from '../../lib/environment.ts';
import { jsonFile, lookFor, newFile, readableFile } from '../file.ts';
import { mb, print, progressLine, type Terminal } from '../output.ts';
import { UsageError, words } from '../parse.ts';
import { findCredentials, type Remote, remoteOptions, waiting } from './context.ts';
import { idOf } from './name.ts';

const pollMs = 500;
const share = (done: number, total: number) =>
  `${Math.floor((done / total) * 100)} % of ${mb(total)} MB`;

const sizeOf = async (path: string) => (await stat(path).catch(() => null))?.size ?? null;

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path);
  for await (const bytes of file.createReadStream()) hash.update(bytes);
  return hash.digest('hex');
}

/** The manifest that was named, or the one beside the file when there is one. */
async function describedBy(file: string, given: string | undefined) {
  const beside = given ?? ((await sizeOf(`${file}.json`)) === null ? null : `${file}.json`);
  if (beside === null) return {};
  await readableFile('--manifest', beside);
  const { manifest, signature } = await jsonFile('--manifest', beside, ['manifest', 'signature']);
  return { manifest, signature };
}

export function transferCommands(noun: Command, terminal: Terminal, env: Environment): void {
  remoteOptions(
    noun
      .command('export <image>')
      .description('write an image to a file that stands alone, with a signed manifest beside it'),
  )
    .requiredOption('--output <file>', 'the file; the manifest is FILE.json')
    .addOption(
      new Option('--format <name>', 'qcow2 is compressed with zstd')
        .choices(['qcow2', 'raw'])
        .default('qcow2'),
    )
    .option('--resume <transfer>', 'go on with an export that was cut off', words(100))
    .action(
      async (
        id: string,
        flags: Remote & { output: string; format: 'qcow2' | 'raw'; resume?: string },
      ) => {
        const { output, format } = flags;
        await newFile('--output', output);
        await newFile('--output (its manifest)', `${output}.json`);
        if (flags.resume === undefined && (await lookFor(`${output}.part`)))
          throw new UsageError(
            `${output}.part is there, of an export that was cut off: go on with --resume TRANSFER, or delete it.`,
          );
        const options = await findCredentials(flags, env);
        const client = createClient(options);
        const transferId =
          flags.resume ??
          (await client.imageExport({ id: await idOf(client, 'image', id), format })).id;
        const progress = progressLine(terminal);
        const part = `${output}.part`;
        try {
          let { attributes } = await client.transferGet({ id: transferId });
          while (attributes.status === 'building') {
            progress.say('the server writes the file');
            await new Promise((resolve) => setTimeout(resolve, pollMs));
            ({ attributes } = await client.transferGet({ id: transferId }));
          }
          if (attributes.status === 'failed')
            throw new UsageError(attributes.status_reason ?? 'The export failed.');
          const before = flags.resume === undefined ? 0 : ((await sizeOf(part)) ?? 0);
          const file = await open(part, before === 0 ? 'w' : 'a');
          try {
            await download(
              client,
              options,
              transferId,
              before,
              async (bytes) => void (await file.write(bytes)),
              {
                onBytes: (done, total) => progress.say('downloading', share(done, total)),
              },
            );
            await file.sync();
          } finally {
            await file.close();
          }
          if ((await sha256Of(part)) !== attributes.sha256)
            throw new UsageError(
              `The bytes in ${part} are not those of the export; delete it and type the command again.`,
            );
          await rename(part, output);
          const { manifest, signature } = attributes;
          await writeFile(
            `${output}.json`,
            `${JSON.stringify({ manifest, signature }, null, 2)}\n`,
          );
          await client.transferDelete({ id: transferId });
          print(
            terminal,
            flags,
            attributes,
            `${output} (${mb(attributes.size_bytes)} MB), manifest in ${output}.json`,
          );
        } catch (error) {
          if ((await sizeOf(part)) !== null)
            terminal.err(`To go on: the same command with --resume ${transferId}`);
          throw error;
        } finally {
          progress.end();
        }
      },
    );

  remoteOptions(
    noun
      .command('import <file>')
      .description('make an image of a qcow2 or raw disk, or of an export'),
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
    .option('--resume <transfer>', 'go on with an import that was cut off', words(100))
    .option('--no-wait', 'return when all is sent')
    .action(
      async (
        file: string,
        flags: Remote & { name?: string; manifest?: string; heal?: string; resume?: string },
      ) => {
        const size = await readableFile('The file to import', file);
        if (size === 0)
          throw new UsageError(`${file} is empty; give a disk, or what image export wrote.`);
        const described = await describedBy(file, flags.manifest);
        const options = await findCredentials(flags, env);
        const client = createClient(options);
        const heal = flags.heal === undefined ? undefined : await idOf(client, 'image', flags.heal);
        const progress = progressLine(terminal);
        progress.say('taking the digest');
        const transferId =
          flags.resume ??
          (
            await client.imageImport({
              size_bytes: size,
              sha256: await sha256Of(file),
              ...(flags.name !== undefined && { name: flags.name }),
              ...described,
            })
          ).id;
        const source = await open(file);
        try {
          const read = async (offset: number, length: number) => {
            const { buffer, bytesRead } = await source.read(
              Buffer.alloc(length),
              0,
              length,
              offset,
            );
            return buffer.subarray(0, bytesRead);
          };
          await upload(client, options, transferId, read, {
            onBytes: (done, total) => progress.say('sending', share(done, total)),
          });
        } catch (error) {
          terminal.err(`To go on: the same command with --resume ${transferId}`);
          throw error;
        } finally {
          await source.close();
          progress.end();
        }
        const image = await client.transferFinish({
          id: transferId,
          ...(heal !== undefined && { heal_image_id: heal }),
        });
        const { id } = image.attributes;
        if (flags.wait === false)
          return print(terminal, flags, image, `Image ${id} is being made of it.`);
        // A healed image is `failed` until it is whole; the transfer tells when that is decided.
        const decided = await waiting(terminal, async ({ onProgress }) => {
          for (;;) {
            const { attributes } = await client.transferGet({ id: transferId });
            if (attributes.status !== 'building') return attributes;
            onProgress(`image ${id}: the server makes it`, '');
            await new Promise((resolve) => setTimeout(resolve, pollMs));
          }
        });
        if (decided.status === 'failed')
          throw new UsageError(decided.status_reason ?? 'The import failed.');
        const last = await waitForImage(client, id, { limitMs: 60_000 });
        print(
          terminal,
          flags,
          last,
          `Image ${id} (${last.attributes.name}) is ${last.attributes.status}.`,
        );
      },
    );
}
