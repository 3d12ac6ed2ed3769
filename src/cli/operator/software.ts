// silversmith software add|update, and software list --local

import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { nameLengthMax } from '../../app/operator/name.ts';
import {
  type NewSoftware,
  softwareAdd,
  softwareList,
  softwareUpdate,
} from '../../app/operator/software.ts';
import { seriesOf, versionLengthMax } from '../../domain/offer.ts';
import { readableFile } from '../file.ts';
import { interruptible } from '../interruptible.ts';
import { type Columns, type ListFlags, printList } from '../listing.ts';
import { decimal, duration, whole, words } from '../parse.ts';
import { pick } from '../remote/name.ts';
import type { Local, Opened, OperatorContext } from './context.ts';
import { offerCommands } from './offer.ts';

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
async function titleOf(given: Title): Promise<NewSoftware> {
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

function addCommand(software: Command, { local, withStore, print }: OperatorContext): void {
  titleOptions(local(software.command('add').description('add a title to the catalogue'))).action(
    async (flags: Local & Title) => {
      const title = await titleOf(flags);
      await withStore(flags, async ({ operator, openEngine }) => {
        const engine = await openEngine();
        const added = await interruptible((signal) => softwareAdd(operator, engine, title, signal));
        print(flags, added, `Software ${added.id} (${added.name}) is added.`);
      });
    },
  );
}

function updateCommand(software: Command, { local, withStore, print }: OperatorContext): void {
  titleOptions(
    local(
      software
        .command('update <software>')
        .description('give a title another recipe; existing images stay as they are'),
    ),
  ).action(async (given: string, flags: Local & Title) => {
    const title = await titleOf(flags);
    await withStore(flags, async ({ store, operator, openEngine }) => {
      const id = await pick('software', given, () => softwareList(store));
      const engine = await openEngine();
      const changed = await interruptible((signal) =>
        softwareUpdate(operator, engine, id, title, signal),
      );
      print(
        flags,
        changed,
        `Software ${id} (${changed.name}) has its new recipe; builds from now on use it.`,
      );
    });
  });
}

const columns: Columns<Awaited<ReturnType<typeof softwareList>>[number]> = {
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
  { store }: Opened,
  { terminal }: OperatorContext,
  flags: ListFlags,
): Promise<void> {
  const items = await softwareList(store);
  await printList(terminal, flags, { items, columns, answer: (titles) => titles });
}
