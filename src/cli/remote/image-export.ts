// silversmith image export

import { open, rename, writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { Client, ClientOptions } from '../../client/client.ts';
import type { Hole } from '../../client/transfer.ts';
import type { Answer } from '../../contract/table.ts';
import { lookFor, newFile } from '../file.ts';
import { mb, print } from '../output.ts';
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
import { digestOf, lookAtTransfer, share, sizeOf } from './transfer.ts';

type Transfer = Answer<'transferGet'>['attributes'];

interface Exported {
  output: string;
  format: 'qcow2' | 'raw';
  compression?: 'zstd' | 'gzip' | 'none';
  resume?: string;
}

export function imageExportCommand(noun: Command, context: RemoteContext): void {
  remoteOptions(
    noun
      .command('export <image>')
      .description('write an image to a file that stands alone, with a signed manifest beside it'),
  )
    .requiredOption('--output <file>', 'the file; the manifest is FILE.json')
    .addOption(
      new Option('--format <name>', 'format of the disk')
        .choices(['qcow2', 'raw'])
        .default('qcow2'),
    )
    .addOption(
      new Option(
        '--compression <name>',
        'of a qcow2 inside, of a raw disk the whole file; default: zstd for qcow2, none for raw',
      ).choices(['zstd', 'gzip', 'none']),
    )
    .option('--resume <transfer>', 'go on with an export that was cut off', words(100))
    .action((image: string, flags: Remote & Exported) => exportImage(image, flags, context));
}

async function exportImage(
  image: string,
  flags: Remote & Exported,
  { terminal, env }: RemoteContext,
): Promise<void> {
  const { output, format, compression } = flags;
  const part = `${output}.part`;
  await assertWritable(output, part, flags.resume);
  const options = await findCredentials(flags, env);
  const client = await clientOf(options);
  const transferId =
    flags.resume ??
    (
      await client.imageExport({
        id: await idOf(client, 'image', image),
        format,
        ...(compression !== undefined && { compression }),
      })
    ).id;
  const progress = progressLine(terminal);
  try {
    const transfer = await whenBuilt(client, transferId, { terminal, server: options });
    const from = flags.resume === undefined ? 0 : ((await sizeOf(part)) ?? 0);
    await downloadTo(part, from, transfer, client, options, progress);
    await keep(part, output, transfer);
    await client.transferDelete({ id: transferId });
    const said = `${output} (${mb(transfer.size_bytes)} MB), manifest in ${output}.json, provenance in ${output}.intoto.jsonl`;
    print(terminal, flags, transfer, said);
  } catch (error) {
    if ((await sizeOf(part)) !== null)
      terminal.err(`To go on: the same command with --resume ${transferId}`);
    throw error;
  } finally {
    progress.end();
  }
}

/** Throws UsageError when the file, its manifest or its part cannot be made. */
async function assertWritable(
  output: string,
  part: string,
  resume: string | undefined,
): Promise<void> {
  await newFile('--output', output);
  await newFile('--output (its manifest)', `${output}.json`);
  await newFile('--output (its provenance)', `${output}.intoto.jsonl`);
  if (resume === undefined && (await lookFor(part)))
    throw new UsageError(
      `${part} is there, of an export that was cut off: go on with --resume TRANSFER, or delete it.`,
    );
}

/** Waits until the server has written the file. Throws UsageError with why it could not. */
async function whenBuilt(client: Client, id: string, waiting: Waiting): Promise<Transfer> {
  const last = await follow(waiting, {
    noun: 'export',
    subject: 'transfer',
    things: [{ id }],
    ask: async (one, signal) => (await client.transferGet({ id: one }, { signal })).attributes,
    look: lookAtTransfer,
    watch: `image export … --resume ${id}`,
  });
  const transfer = stateOf(last, id);
  if (transfer.status === 'failed')
    throw new UsageError(transfer.status_reason ?? 'The export failed.', 'failed');
  return transfer;
}

/** The runs of zeros that the manifest lists; none for a manifest that lists them wrongly. */
function holesIn(manifest: string | null): Hole[] {
  const { holes = [] } = JSON.parse(manifest ?? '{}') as { holes?: unknown[] };
  const isHole = (one: unknown): one is Hole =>
    Array.isArray(one) &&
    Number.isSafeInteger(one[0]) &&
    Number.isSafeInteger(one[1]) &&
    one[0] < one[1];
  return Array.isArray(holes) && holes.every(isHole) ? holes : [];
}

/** Writes the bytes from offset `from` on to the part; zeros that the manifest tells are holes. */
async function downloadTo(
  part: string,
  from: number,
  transfer: Transfer,
  client: Client,
  options: ClientOptions,
  progress: Progress,
): Promise<void> {
  const { download } = await import('../../client/transfer.ts');
  const file = await open(part, from === 0 ? 'w' : 'r+');
  const holes = holesIn(transfer.manifest);
  try {
    const write = async (bytes: Uint8Array, position: number) => {
      for (let at = 0; at < bytes.length; )
        at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
    };
    await download(client, options, transfer.id, from, write, {
      holes,
      onBytes: (done, total) => progress.say('downloading', share(done, total), done / total),
    });
    // A hole may be the last.
    await file.truncate(transfer.size_bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Gives the part its name, and writes the manifest. Throws UsageError for other bytes. */
async function keep(part: string, output: string, transfer: Transfer): Promise<void> {
  const { manifest, signature, sha256, attestation } = transfer;
  if ((await digestOf(part)) !== sha256)
    throw new UsageError(
      `The bytes in ${part} are not those of the export; delete it and type the command again.`,
      'failed',
    );
  await rename(part, output);
  await writeFile(`${output}.json`, `${JSON.stringify({ manifest, signature }, null, 2)}\n`);
  if (attestation !== null) await writeFile(`${output}.intoto.jsonl`, `${attestation}\n`);
}
