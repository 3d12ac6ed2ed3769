// The operator's commands: they work on the data directory, with or without a server on it, and
// never over the API.

import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import {
  machineTypeAdd,
  nameLengthMax,
  softwareAdd,
  softwareUpdate,
} from '../../app/operator/catalogue.ts';
import type { MachineId, SoftwareId } from '../../domain/ids.ts';
import { requirePart } from '../../engine/optional/parts.ts';
import { withoutJob } from '../../engine/port/call.ts';
import { dataDirHelp } from '../../lib/folders.ts';
import type { openExistingStore } from '../../server/open.ts';
import { type Config, type Flags, parseConfig } from '../../server/options.ts';
import { readableFile } from '../file.ts';
import { type Terminal, table } from '../output.ts';
import { decimal, duration, UsageError, whole, words } from '../parse.ts';
import type { Listed, ListLocal } from '../remote/catalogue.ts';
import { print as printTo } from '../remote/context.ts';
import { pick } from '../remote/name.ts';
import { backupCommands } from './backup.ts';
import { baseCommands, listBases } from './base.ts';
import { keyCommands, masterKeyCommands, organisationCommands } from './key.ts';
import { layerCommands } from './layer.ts';

const open = () => import('../../server/open.ts');

type Opened = Awaited<ReturnType<typeof openExistingStore>>;
type Env = Record<string, string | undefined>;
export type Printed = { json?: boolean };

/**
 * What every command of the operator needs: the flags of the data directory, the store on it, and
 * how to print.
 */
export interface Admin {
  local(command: Command): Command;
  withStore<Result>(
    flags: Flags,
    work: (opened: Opened, config: Config) => Promise<Result>,
    options?: { check?: boolean },
  ): Promise<Result>;
  print(flags: Printed, value: object, human: string): void;
  terminal: Terminal;
  env: Env;
}

/** The largest machine type: what QEMU gives one machine, and a disk that a qcow2 file can be. */
const machineTypeMost = { cpus: 255, memoryMb: 16 * 1024 ** 2, diskGb: 1_000_000 };

/** Opens the store of the data directory that is meant, for as long as the work takes. */
const storeIn =
  (env: Env): Admin['withStore'] =>
  async (flags, work, options = {}) => {
    const config = parseConfig(flags, env);
    const opened = await (await open()).openExistingStore(config, options);
    try {
      return await work(opened, config);
    } finally {
      await opened.store.close();
    }
  };

/** What the operator sees of the catalogue and other users do not. */
export const catalogueLocal = (terminal: Terminal, env: Env): ListLocal => {
  const lists: Record<Listed, (opened: Opened, flags: Printed) => Promise<void>> = {
    base: ({ store }, flags) => listBases(store, terminal, flags),
    async software({ store }, flags) {
      const titles = await store.read('system', (work) => work.software.list());
      const rows = titles.map(({ id, name, sizeGb, recipe }) => [
        ...[id, name, sizeGb, recipe.files.length, recipe.network ? 'yes' : 'no'],
      ]);
      printTo(terminal, flags, titles, table(['ID', 'NAME', 'GB', 'FILES', 'NETWORK'], rows));
    },
    async 'machine-type'({ store }, flags) {
      const types = await store.read('system', (work) => work.machineTypes.list());
      const rows = types.map((one) => [
        one.id,
        one.name,
        one.code,
        one.cpus,
        one.memoryMb,
        one.diskSizeGb,
      ]);
      printTo(
        terminal,
        flags,
        types,
        table(['ID', 'NAME', 'TYPE', 'CPUS', 'MEMORY MB', 'DISK GB'], rows),
      );
    },
  };
  return (noun, { dataDir, json = false }) =>
    storeIn(env)(dataDir === undefined ? {} : { dataDir }, (opened) =>
      lists[noun](opened, { json }),
    );
};

function onlyHere(option: string): never {
  throw new UsageError(
    `This command works on the data directory, on the server's own host, and never over the API; leave ${option} out.`,
  );
}

export function adminCommands(
  program: Command,
  nouns: Record<Listed | 'machine', Command>,
  terminal: Terminal,
  env: Env,
): void {
  const local = (command: Command) => {
    // Who may only use the API finds no operator's command there.
    for (const [name, flag] of [
      ['--url', '<url>'],
      ['--key', '<key>'],
      ['--secret', '<secret>'],
    ] as const)
      command.addOption(new Option(`${name} ${flag}`).hideHelp().argParser(() => onlyHere(name)));
    return command
      .option(
        '--data-dir <folder>',
        `data directory (SILVERSMITH_DATA_DIR; default: ${dataDirHelp})`,
      )
      .option(
        '--engine <name>',
        'qemu or simulator (SILVERSMITH_ENGINE; default: the one of the data, qemu for new data)',
      )
      .option('--json', 'print as JSON');
  };
  const print: Admin['print'] = (flags, value, human) => printTo(terminal, flags, value, human);
  const admin: Admin = { local, withStore: storeIn(env), print, terminal, env };
  baseCommands(nouns.base, admin);
  softwareCommands(nouns.software, admin);
  machineTypeCommands(nouns['machine-type'], admin);
  organisationCommands(program, admin);
  keyCommands(program, admin);
  masterKeyCommands(program, admin);
  layerCommands(program, admin);
  backupCommands(program, admin);
  execCommand(nouns.machine, admin);
}

const catalogueName = words(nameLengthMax);

function softwareCommands(software: Command, { local, withStore, print }: Admin): void {
  interface Title {
    name: string;
    size: number;
    script: string;
    file?: string[];
    network?: boolean;
    timeout: number;
  }
  const titleOptions = (command: Command) =>
    local(command)
      .requiredOption('--name <name>', 'name of the title', catalogueName)
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
      );
  const titleOf = async ({
    name,
    size: sizeGb,
    script,
    file: files = [],
    network = false,
    timeout,
  }: Title) => {
    await readableFile('--script', script);
    for (const path of files) await readableFile('--file', path);
    return {
      name,
      sizeGb,
      script: await readFile(script, 'utf8'),
      files,
      network,
      timeoutMs: timeout,
    };
  };
  titleOptions(software.command('add').description('add a title to the catalogue')).action(
    async (flags: Flags & Printed & Title) => {
      const title = await titleOf(flags);
      await withStore(flags, async ({ store }, config) => {
        const added = await softwareAdd(store, await (await open()).openEngine(config), title);
        print(flags, added, `Software ${added.id} (${added.name}) is added.`);
      });
    },
  );
  titleOptions(
    software
      .command('update <software>')
      .description('give a title another recipe; images that are there stay as they are'),
  ).action(async (given: string, flags: Flags & Printed & Title) => {
    const title = await titleOf(flags);
    await withStore(flags, async ({ store }, config) => {
      const id = await pick('software', given, () =>
        store.read('system', (work) => work.software.list()),
      );
      const engine = await (await open()).openEngine(config);
      const changed = await softwareUpdate(store, engine, id as SoftwareId, title);
      print(
        flags,
        changed,
        `Software ${id} (${changed.name}) has its new recipe; builds from now on use it.`,
      );
    });
  });
}

function machineTypeCommands(machineType: Command, { local, withStore, print }: Admin): void {
  local(machineType.command('add').description('add a machine type'))
    .requiredOption('--name <name>', 'name of the machine type', catalogueName)
    .requiredOption('--cpus <number>', 'virtual processors', whole(1, machineTypeMost.cpus))
    .requiredOption('--memory <mb>', 'memory in MB', whole(1, machineTypeMost.memoryMb))
    .requiredOption('--disk <gb>', 'disk in GB', whole(1, machineTypeMost.diskGb))
    .action(
      ({
        name,
        cpus,
        memory,
        disk,
        ...flags
      }: Flags & Printed & { name: string; cpus: number; memory: number; disk: number }) =>
        withStore(flags, async ({ store }) => {
          const sizes = { cpus, memoryMb: memory, diskSizeGb: disk };
          const added = await machineTypeAdd(store, { name, code: name.toLowerCase(), ...sizes });
          print(flags, added, `Machine type ${added.id} (${name}) is added.`);
        }),
    );
}

function execCommand(machine: Command, { local, withStore, terminal }: Admin): void {
  local(
    machine
      .command('exec <machine> <command...>')
      .description(
        'run a command inside a machine on this host, as its root, and exit with its status (operators only); -- may stand before it',
      ),
  )
    .allowUnknownOption()
    .passThroughOptions()
    .action((given: string, words: string[], flags: Flags & Printed) =>
      withStore(flags, async ({ store }, config) => {
        // Commander passes on what follows the machine as it is, also the end of the options.
        const command = words[0] === '--' ? words.slice(1) : words;
        if (command.length === 0)
          throw new UsageError('There is no command after --; give a command to run.');
        const machines = await store.read('system', (work) => work.machines.everyone());
        const id = (await pick('machine', given, async () => machines)) as MachineId;
        if (!machines.some((one) => one.id === id))
          throw new UsageError(`There is no machine ${id}; see: silversmith machine list`);
        const engine = await (await open()).openEngine(config);
        const exec = requirePart(engine, 'exec');
        const result = await exec.run({ machineId: id, command }, withoutJob());
        if (flags.json) terminal.out(JSON.stringify(result, null, 2));
        else {
          if (result.stdout !== '') terminal.out(result.stdout.trimEnd());
          if (result.stderr !== '') terminal.err(result.stderr.trimEnd());
        }
        terminal.exitCode = result.exitCode;
      }),
    );
}
