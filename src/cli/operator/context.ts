// Shared by the operator's commands: their options, the store of the data directory, the operator's
// name, and how they print.

import { userInfo } from 'node:os';
import { type Command, Option } from 'commander';
import type { Operator } from '../../app/operator/context.ts';
import type { Engine } from '../../engine/port/engine.ts';
import type { Environment } from '../../lib/environment.ts';
import type { MasterKey } from '../../lib/master-key.ts';
import { type Config, type Flags, parseConfig, settings } from '../../server/options.ts';
import type { Store } from '../../store/port/unit-of-work.ts';
import { print, type Terminal } from '../output.ts';
import { UsageError } from '../parse.ts';
import { addSettings } from '../setting.ts';

/** The options that every such command has, as commander hands them over. */
export type Local = Pick<Flags, 'dataDir' | 'databaseUrl' | 'engine'> & { json?: boolean };

export interface Opened {
  config: Config;
  store: Store;
  masterKey: MasterKey;
  /** The user of the host, for the audit trail. */
  operator: Operator;
  openEngine(): Promise<Engine>;
}

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

export const operatorContext = (terminal: Terminal, env: Environment): OperatorContext => ({
  terminal,
  env,
  local,
  async withStore({ dataDir, databaseUrl, engine }, work, options = {}) {
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
  },
  print: (flags, value, human) => print(terminal, flags, value, human),
});
