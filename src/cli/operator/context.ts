// Shared by the operator's commands: their options, the store of the data directory, the operator's
// name, and how they print.

import { userInfo } from 'node:os';
import { type Command, Option } from 'commander';
import type { Engine } from '../../engine/port/engine.ts';
import type { Environment } from '../../lib/environment.ts';
import { parseConfig, settings } from '../../server/options.ts';
import { print, type Terminal } from '../output.ts';
import { UsageError } from '../parse.ts';
import { remoteSettings } from '../remote/settings.ts';
import { addSettings } from '../setting.ts';
import type { Desk } from './desk.ts';
import type { Both, Local, Opened } from './options.ts';

export type { Both, Local, Opened } from './options.ts';

export interface OperatorContext {
  terminal: Terminal;
  env: Environment;
  /** Gives a command the options that all of them have. */
  local(command: Command): Command;
  /** Opens the store of the data directory for as long as the work takes. */
  withStore<Result>(
    flags: Local,
    work: (opened: Opened) => Promise<Result>,
    options?: { check?: boolean },
  ): Promise<Result>;
  /**
   * Gives a command these options, and those of a server whose operator's API it may use. With
   * `ownTimeout` its --timeout is an option of its own, and no limit of an answer.
   */
  both(command: Command, options?: { ownTimeout?: boolean }): Command;
  /** Runs work on the data directory, or over the operator's API where the flags name a server. */
  withDesk<Result>(
    flags: Both,
    work: (desk: Desk) => Promise<Result>,
    options?: { check?: boolean },
  ): Promise<Result>;
  print(flags: Local, value: object, human: string): void;
}

/**
 * Loaded only by commands that need it, because a command that speaks to a server starts faster.
 */
const rooms = async () => ({
  ...(await import('../../server/open.ts')),
  ...(await import('../../server/replica.ts')),
});

/** The user of this host, by name where it has one. */
export function operatorName(): string {
  try {
    return `operator:${userInfo().username}`;
  } catch {
    return `operator:${process.getuid?.() ?? 'unknown'}`;
  }
}

/** The settings that every command of the operator takes as options. */
const localSettings = {
  dataDir: settings.dataDir,
  databaseUrl: settings.databaseUrl,
  engine: settings.engine,
};

/** Options of the API. With them, a command answers that it works on the data directory only. */
const remoteOptions = ['--url <url>', '--key <key>', '--secret <secret>'];

function local(command: Command): Command {
  for (const flags of remoteOptions) {
    const onlyHere = (): never => {
      throw new UsageError(
        `This command works on the data directory, on the server's own host, and never over the API; leave ${flags.split(' ')[0]} out.`,
      );
    };
    command.addOption(new Option(flags).hideHelp().argParser(onlyHere));
  }
  return addSettings(command, localSettings).option('--json', 'print the answer as JSON');
}

function both(command: Command, { ownTimeout = false } = {}): Command {
  const { url, key, secret, profile, timeout } = remoteSettings;
  const far = { url, key, secret, profile, ...(!ownTimeout && { timeout }) };
  return addSettings(command, { ...localSettings, ...far }).option('--json', 'print as JSON');
}

type WithStore = OperatorContext['withStore'];

export function operatorContext(terminal: Terminal, env: Environment): OperatorContext {
  const withStore = storeOpener(env);
  return {
    ...{ terminal, env, local, both, withStore },
    async withDesk(flags, work, options) {
      const { farDesk, farServer } = await import('./far-desk.ts');
      const server = await farServer(flags, env);
      if (server) return work(farDesk(server, terminal));
      const { localDesk } = await import('./local-desk.ts');
      return withStore(flags, (opened) => work(localDesk(opened)), options);
    },
    print: (flags, value, human) => print(terminal, flags, value, human),
  };
}

const storeOpener =
  (env: Environment): WithStore =>
  async ({ dataDir, databaseUrl, engine }, work, options = {}) => {
    const config = parseConfig({ dataDir, databaseUrl, engine }, env);
    const { openExistingStore, openWorkedEngine } = await rooms();
    const { store, masterKey } = await openExistingStore(config, options);
    const engines: Engine[] = [];
    try {
      return await work({
        config,
        store,
        masterKey,
        operator: { store, name: operatorName() },
        async openEngine() {
          const opened = await openWorkedEngine(config, store);
          engines.push(opened);
          return opened;
        },
      });
    } finally {
      for (const engine of engines) await engine.close();
      await store.close();
    }
  };
