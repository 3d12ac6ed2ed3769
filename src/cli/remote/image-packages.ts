// silversmith image packages|sbom: what is installed inside images.

import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { Answer, Client } from '../../client/client.ts';
import { systemClock } from '../../lib/clock.ts';
import { exitCode } from '../exit.ts';
import { newFile } from '../file.ts';
import { printLong } from '../output.ts';
import { UsageError } from '../parse.ts';
import { table } from '../table.ts';
import { connect, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import { idOf } from './name.ts';

type PackageList = Answer<'imagePackages'>;

/** A list is read within seconds of its image; a large one, or a busy host, may take minutes. */
const waitMsMax = 300_000;
const pollMs = 500;

export function imagePackagesCommands(noun: Command, context: RemoteContext): void {
  packagesCommand(noun, context);
  sbomCommand(noun, context);
}

/** Asks until something is read, or cannot be, but not longer than `mostMs`. */
export async function whenRead<Reading extends { attributes: { state: string } }>(
  mostMs: number,
  ask: () => Promise<Reading>,
): Promise<Reading> {
  const end = systemClock.monotonic() + mostMs;
  while (true) {
    const reading = await ask();
    if (reading.attributes.state !== 'wanted' || systemClock.monotonic() > end) return reading;
    await systemClock.sleep(pollMs);
  }
}

/**
 * Waits until the list of an image is read, or cannot be; without `wait`, the list as it is. Throws
 * UsageError at the limit.
 */
async function listWhenRead(client: Client, id: number, wait = true): Promise<PackageList> {
  if (!wait) return client.imagePackages({ id });
  const list = await whenRead(waitMsMax, () => client.imagePackages({ id }));
  if (list.attributes.state !== 'wanted') return list;
  throw new UsageError(
    `The packages of image ${id} are still being listed; type the command again later.`,
    'failed',
  );
}

/** Throws UsageError with the reason when the list could not be read. */
export async function assertListed(client: Client, id: number): Promise<void> {
  const { state, reason } = (await listWhenRead(client, id)).attributes;
  if (state === 'unread')
    throw new UsageError(
      `The packages of image ${id} could not be listed: ${reason} To try again: silversmith image packages ${id} --again`,
      'failed',
    );
}

function packagesCommand(noun: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(noun.command('packages <image>').description('list the packages inside an image'))
    .option('--again', 'read them from its disk again first')
    .option('--no-wait', 'show the list as it is, also while it is being read')
    .action(async (image: string, flags: Remote & { again?: boolean }) => {
      const client = await connect(flags, env);
      const id = await idOf(client, 'image', image);
      if (flags.again) await client.imagePackagesRead({ id });
      const list = await listWhenRead(client, id, flags.wait);
      const { state, reason, packages, notes, system } = list.attributes;
      const rows = packages.map((one) => [one.name, one.version, one.architecture, one.kind]);
      const human = [
        ...(system ? [`${system.title}: ${packages.length} packages`, ''] : []),
        state === 'listed'
          ? table(['NAME', 'VERSION', 'ARCHITECTURE', 'KIND'], rows, terminal.columns)
          : state === 'wanted'
            ? 'They are being listed.'
            : `They could not be listed: ${reason}`,
        ...notes.map((note) => `Note: ${note}`),
      ];
      await printLong(terminal, flags.json ? JSON.stringify(list, null, 2) : human.join('\n'));
      if (state === 'unread') terminal.exitCode = exitCode('failed');
    });
}

function sbomCommand(noun: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(
    noun
      .command('sbom <image>')
      .description('give the packages inside an image as a document of a standard form'),
  )
    .addOption(
      new Option('--format <name>', 'CycloneDX 1.6 or SPDX 2.3')
        .choices(['cyclonedx', 'spdx'])
        .default('cyclonedx'),
    )
    .option('--output <file>', 'write it to a new file')
    .action(
      async (image: string, flags: Remote & { format: 'cyclonedx' | 'spdx'; output?: string }) => {
        const { output, format } = flags;
        if (output !== undefined) await newFile('--output', output);
        const client = await connect(flags, env);
        const id = await idOf(client, 'image', image);
        await assertListed(client, id);
        const { document } = (await client.imageSbom({ id, format })).attributes;
        if (output === undefined) return terminal.out(document.trimEnd());
        await writeFile(output, document, { flag: 'wx' });
        terminal.out(flags.json ? JSON.stringify({ output, format }) : output);
      },
    );
}
