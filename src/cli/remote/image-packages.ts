// silversmith image packages|sbom|diff: what is installed inside images.

import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { Answer, Client } from '../../client/client.ts';
import { systemClock } from '../../lib/clock.ts';
import { exitCode } from '../exit.ts';
import { newFile } from '../file.ts';
import { printLong, type Terminal } from '../output.ts';
import { UsageError } from '../parse.ts';
import { type Cell, table } from '../table.ts';
import { connect, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import { idOf } from './name.ts';

type PackageList = Answer<'imagePackages'>;
type Difference = Answer<'imageDiff'>['attributes'];

/** A list is read within seconds of its image; a large one, or a busy host, may take minutes. */
const waitMsMax = 300_000;
const pollMs = 500;

export function imagePackagesCommands(noun: Command, context: RemoteContext): void {
  packagesCommand(noun, context);
  sbomCommand(noun, context);
  diffCommand(noun, context);
}

/**
 * Waits until the list of an image is read, or cannot be; without `wait`, the list as it is. Throws
 * UsageError at the limit.
 */
async function listWhenRead(client: Client, id: number, wait = true): Promise<PackageList> {
  const end = systemClock.monotonic() + waitMsMax;
  while (true) {
    const list = await client.imagePackages({ id });
    if (!wait || list.attributes.state !== 'wanted') return list;
    if (systemClock.monotonic() > end)
      throw new UsageError(
        `The packages of image ${id} are still being listed; type the command again later.`,
        'failed',
      );
    await systemClock.sleep(pollMs);
  }
}

/** Throws UsageError with the reason when the list could not be read. */
async function assertListed(client: Client, id: number): Promise<void> {
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

function diffCommand(noun: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(
    noun
      .command('diff <image> [other]')
      .description(
        'compare the packages of an image with those of another one, or, of one image, with its base',
      ),
  )
    .option('--exit-code', 'exit with 1 when they differ')
    .action(
      async (one: string, other: string | undefined, flags: Remote & { exitCode?: boolean }) => {
        const client = await connect(flags, env);
        const first = await idOf(client, 'image', one);
        const second = other === undefined ? undefined : await idOf(client, 'image', other);
        for (const id of second === undefined ? [first] : [first, second])
          await assertListed(client, id);
        const answer = await client.imageDiff(
          second === undefined ? { id: first } : { id: second, from: first },
        );
        const difference = answer.attributes;
        const text = flags.json ? JSON.stringify(answer, null, 2) : inWords(difference, terminal);
        await printLong(terminal, text);
        const { added, removed, changed } = difference;
        if (flags.exitCode && added.length + removed.length + changed.length > 0)
          terminal.exitCode = exitCode('failed');
      },
    );
}

function inWords(
  { added, removed, changed, notes, from }: Difference,
  { columns }: Terminal,
): string {
  const rows: Cell[][] = [
    ...removed.map((one) => ['removed', one.name, one.architecture, one.version, '']),
    ...added.map((one) => ['added', one.name, one.architecture, '', one.version]),
    ...changed.map((one) => ['changed', one.name, one.architecture, one.from, one.to]),
  ];
  const lines = [
    rows.length === 0
      ? `The packages are the same as those of ${from}.`
      : table(['', 'NAME', 'ARCHITECTURE', 'BEFORE', 'NOW'], rows, columns),
  ];
  return [...lines, ...notes.map((note) => `Note: ${note}`)].join('\n');
}
