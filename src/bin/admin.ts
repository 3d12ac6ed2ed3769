// The operator's commands: they work on the data directory, with or without a server on it, and never over the API.

import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { softwareAdd, softwareUpdate } from '../app/catalogue.ts';
import { parseId } from '../cli/context.ts';
import { type Terminal, table } from '../cli/output.ts';
import { invalid } from '../domain/error.ts';
import type { MachineId, SoftwareId } from '../domain/ids.ts';
import { backupCommands } from './admin-backup.ts';
import { baseCommands } from './admin-base.ts';
import { keyCommands, masterKeyCommands, organisationCommands } from './admin-key.ts';
import { layerCommands } from './admin-layer.ts';
import { type Config, type Flags, parseConfig } from './config.ts';
import type { openExistingStore } from './open.ts';

const open = () => import('./open.ts');

type Opened = Awaited<ReturnType<typeof openExistingStore>>;
type Env = Record<string, string | undefined>;
export type Printed = { json?: boolean };

/** What every command of the operator needs: the flags of the data directory, the store on it, and how to print. */
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

export function adminCommands(program: Command, machine: Command, terminal: Terminal, env: Env): void {
  const local = (command: Command) =>
    command
      .option('--data-dir <folder>', 'data directory (SILVERSMITH_DATA_DIR; default: data)')
      .option('--engine <name>', 'qemu or simulator (SILVERSMITH_ENGINE; default: qemu)')
      .option('--json', 'print as JSON');
  const withStore = async <Result>(
    flags: Flags,
    work: (opened: Opened, config: Config) => Promise<Result>,
    options: { check?: boolean } = {},
  ): Promise<Result> => {
    const config = parseConfig(flags, env);
    const opened = await (await open()).openExistingStore(config, options);
    try {
      return await work(opened, config);
    } finally {
      await opened.store.close();
    }
  };
  const print = (flags: { json?: boolean }, value: object, human: string) =>
    terminal.out(flags.json ? JSON.stringify(value, null, 2) : human);

  const admin = { local, withStore, print, terminal, env };
  baseCommands(program, admin);

  const software = program.command('software').description('the catalogue of what can be installed');
  interface Title {
    name: string;
    size: string;
    script: string;
    file?: string[];
    network?: boolean;
    timeout: string;
  }
  const titleOptions = (command: Command) =>
    local(command)
      .requiredOption('--name <name>', 'name of the title')
      .requiredOption('--size <gb>', 'what it takes on a disk, in GB')
      .requiredOption('--script <path>', 'shell script that installs it, as root inside a build machine')
      .option('--file <path...>', 'files that the script finds in its working directory')
      .option('--network', 'let the build machine reach the network')
      .option('--timeout <seconds>', 'limit of the installation', '1800');
  const titleOf = async ({ name, size, script: path, file, network, timeout }: Title) => {
    const timeoutMs = Number(timeout) * 1000;
    if (!(timeoutMs >= 1000 && timeoutMs <= 24 * 3600_000))
      throw invalid('--timeout must be a number of seconds from 1 to 86400.');
    const script = await readFile(path, 'utf8').catch(() => {
      throw invalid(`${path} is not a file that can be read.`);
    });
    return { name, sizeGb: Number(size), script, files: file ?? [], network: network ?? false, timeoutMs };
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
    software.command('update <id>').description('give a title another recipe; images that are there stay as they are'),
  ).action(async (id: string, flags: Flags & Printed & Title) => {
    const title = await titleOf(flags);
    await withStore(flags, async ({ store }, config) => {
      const engine = await (await open()).openEngine(config);
      const changed = await softwareUpdate(store, engine, parseId(id) as SoftwareId, title);
      print(flags, changed, `Software ${id} (${changed.name}) has its new recipe; builds from now on use it.`);
    });
  });
  local(software.command('list').description('list the catalogue')).action((flags: Flags & { json?: boolean }) =>
    withStore(flags, async ({ store }) => {
      const titles = await store.read('system', (work) => work.software.list());
      const rows = titles.map((one) => [
        one.id,
        one.name,
        one.sizeGb,
        one.recipe.files.length,
        one.recipe.network ? 'yes' : 'no',
      ]);
      print(flags, titles, table(['ID', 'NAME', 'GB', 'FILES', 'NETWORK'], rows));
    }),
  );

  const plan = program.command('plan').description('plans: the sizes in which machines are made');
  local(plan.command('list').description('list the plans')).action((flags: Flags & { json?: boolean }) =>
    withStore(flags, async ({ store }) => {
      const plans = await store.read('system', (work) => work.plans.list());
      const rows = plans.map((one) => [one.id, one.name, one.machineType, one.cpus, one.memoryMb, one.diskSizeGb]);
      print(flags, plans, table(['ID', 'NAME', 'TYPE', 'CPUS', 'MEMORY MB', 'DISK GB'], rows));
    }),
  );
  local(plan.command('add').description('add a plan'))
    .requiredOption('--name <name>', 'name of the plan')
    .requiredOption('--cpus <number>', 'virtual processors', parseId)
    .requiredOption('--memory <mb>', 'memory in MB', parseId)
    .requiredOption('--disk <gb>', 'disk in GB', parseId)
    .action((flags: Flags & { name: string; cpus: number; memory: number; disk: number; json?: boolean }) =>
      withStore(flags, async ({ store }) => {
        const { name, cpus, memory, disk } = flags;
        const added = await store.write('system', (work) =>
          work.plans.add({ name, machineType: name.toLowerCase(), cpus, memoryMb: memory, diskSizeGb: disk }),
        );
        print(flags, added, `Plan ${added.id} (${name}) is added.`);
      }),
    );

  organisationCommands(program, admin);
  keyCommands(program, admin);
  masterKeyCommands(program, admin);
  layerCommands(program, admin);
  backupCommands(program, admin);

  local(
    machine
      .command('exec <id> <command...>')
      .description('run a command inside a machine on this host, as its root (operators only)'),
  )
    .allowUnknownOption()
    .passThroughOptions()
    .action((id: string, command: string[], flags: Flags & { json?: boolean }) =>
      withStore(flags, async (_opened, config) => {
        const result = await (await (await open()).openEngine(config)).exec(parseId(id) as MachineId, command);
        if (flags.json) terminal.out(JSON.stringify(result, null, 2));
        else {
          if (result.stdout !== '') terminal.out(result.stdout.trimEnd());
          if (result.stderr !== '') terminal.err(result.stderr.trimEnd());
        }
        terminal.exitCode = result.exitCode;
      }),
    );
}
