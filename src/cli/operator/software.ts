// silversmith software add|update, and software list for operators

import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { nameLengthMax } from '../../app/operator/name.ts';
import { seriesOf, versionLengthMax } from '../../domain/offer.ts';
import { readableFile } from '../file.ts';
import { type Columns, type ListFlags, printList } from '../listing.ts';
import { decimal, duration, whole, words } from '../parse.ts';
import { pick } from '../remote/name.ts';
import type { Both, OperatorContext } from './context.ts';
import type { Desk, GivenTitle } from './desk.ts';
import { offerCommands } from './offer.ts';

/** Their --timeout is the limit of the installation. */
type Untimed = Omit<Both, 'timeout'>;

interface Title {
  name: string;
  size: number;
  script: string;
  file?: string[];
  network?: boolean;
  timeout: number;
  release?: string;
  cpus?: number;
  memory?: number;
  rebootStatus?: number;
  requires?: string[];
  after?: string[];
  maxAge?: number;
}

export function softwareCommands(software: Command, context: OperatorContext): void {
  addCommand(software, context);
  updateCommand(software, context);
  offerCommands('software', software, context);
}

const titleOptions = (command: Command) =>
  command
    .requiredOption('--name <name>', 'name of the title', words(nameLengthMax))
    .option('--release <version>', 'which version of the name it is', words(versionLengthMax))
    .requiredOption(
      '--size <gb>',
      'what it takes on a disk, in GB',
      decimal(0, 10_000, { above: true }),
    )
    .requiredOption(
      '--script <path>',
      'shell script that installs it, as root inside a build machine',
    )
    .option('--file <path...>', 'files that the script finds in its working directory')
    .option('--network', 'let the build machine reach the network')
    .addOption(
      new Option(
        '--timeout <duration>',
        'limit of the installation, such as 1800s or 30m; a bare number is in seconds',
      )
        .argParser(duration('1s', '24h', { bare: true }))
        .default(1800_000, '30m'),
    )
    .addOption(
      new Option(
        '--max-age <duration>',
        'with --network: how long builds use its layer again, such as 7d; default: for ever',
      ).argParser(duration('1m', '3650d')),
    )
    .option('--cpus <n>', 'least processors of the build machine', whole(1, 64))
    .option('--memory <mb>', 'least memory of the build machine, in MB', whole(64, 1_048_576))
    .option(
      '--reboot-status <n>',
      'exit status with which the script asks to be run again after a reboot; it finds the number of the start in SILVERSMITH_BOOT',
      whole(1, 255),
    )
    .option('--requires <title...>', 'titles that must be installed with it, before it')
    .option('--after <title...>', 'titles that are installed before it when both are wanted');

/** Throws UsageError for a file that cannot be read. */
async function titleOf(given: Title): Promise<GivenTitle> {
  const { name, size: sizeGb, script, file: files = [], network = false, timeout } = given;
  const { cpus, memory, rebootStatus, requires, after, maxAge, release } = given;
  await readableFile('--script', script);
  for (const path of files) await readableFile('--file', path);
  const text = await readFile(script, 'utf8');
  return {
    ...{ name, sizeGb, script: text, files, network, timeoutMs: timeout },
    version: release,
    ...(cpus !== undefined && { cpus }),
    ...(memory !== undefined && { memoryMb: memory }),
    ...(rebootStatus !== undefined && { rebootStatus }),
    ...(requires && { requires }),
    ...(after && { after }),
    ...(maxAge !== undefined && { maxAgeMs: maxAge }),
  };
}

function addCommand(software: Command, { both, withDesk, print }: OperatorContext): void {
  titleOptions(
    both(software.command('add').description('add a title to the catalogue'), {
      ownTimeout: true,
    }),
  ).action(async ({ timeout, ...flags }: Untimed & Title) => {
    const title = await titleOf({ ...flags, timeout });
    await withDesk(flags, async (desk) => {
      const added = await desk.softwareAdd(title);
      print(flags, added, `Software ${added.id} (${added.name}) is added.`);
    });
  });
}

function updateCommand(software: Command, { both, withDesk, print }: OperatorContext): void {
  titleOptions(
    both(
      software
        .command('update <software>')
        .description('give a title another recipe; existing images stay as they are'),
      { ownTimeout: true },
    ),
  ).action(async (given: string, { timeout, ...flags }: Untimed & Title) => {
    const title = await titleOf({ ...flags, timeout });
    await withDesk(flags, async (desk) => {
      const id = await pick('software', given, () => desk.softwareList());
      const changed = await desk.softwareUpdate(id, title);
      print(
        flags,
        changed,
        `Software ${id} (${changed.name}) has its new recipe; builds from now on use it.`,
      );
    });
  });
}

const columns: Columns<Awaited<ReturnType<Desk['softwareList']>>[number]> = {
  ID: ({ id }) => id,
  NAME: seriesOf,
  VERSION: ({ version }) => version,
  GB: ({ sizeGb }) => sizeGb,
  FILES: ({ recipe }) => recipe.files.length,
  NETWORK: ({ recipe }) => (recipe.network ? 'yes' : 'no'),
  RETIRED: ({ retiredAt }) => (retiredAt === null ? '' : new Date(retiredAt).toISOString()),
};

/**
 * Prints the fields that only the operator sees: the files of each recipe, and whether it gets a
 * network.
 */
export async function printSoftware(
  desk: Desk,
  { terminal }: OperatorContext,
  flags: ListFlags,
): Promise<void> {
  const items = await desk.softwareList();
  await printList(terminal, flags, { items, columns, answer: (titles) => titles });
}
