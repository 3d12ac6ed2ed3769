// Configuration: read once from flags and the environment, checked, and handed down. Nothing else reads the environment.

import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { invalid } from '../domain/error.ts';
import { defaultSettings, type Settings } from '../reconcile/workflow.ts';

export interface Config {
  dataDir: string;
  host: string;
  port: number;
  engine: 'qemu' | 'simulator';
  demo: boolean;
  logLevel: string;
  machineNetwork: boolean;
  simulatorSpeed: number;
  cacheDir: string;
  /** Where callers reach the server, for the links that it makes; null: where it listens. */
  publicUrl: string | null;
  requestsPerSecond: number;
  /** Where /metrics is answered; null: where the API is, when that is loopback, and else nowhere. */
  metrics: { host: string; port: number } | null;
  /** What the reconciler does otherwise than by default. */
  settings: Partial<Settings>;
  /** The ring of master keys, when it is not in the data directory's file. */
  masterKey?: string;
}

export type Flags = Partial<
  Record<
    | 'dataDir'
    | 'host'
    | 'port'
    | 'engine'
    | 'logLevel'
    | 'simulatorSpeed'
    | 'publicUrl'
    | 'rateLimit'
    | 'metrics'
    | 'keepHours'
    | 'auditDays'
    | 'cacheGb'
    | 'scrubDays'
    | 'scrubMbPerSecond'
    | 'startsAtOnce'
    | 'buildsAtOnce',
    string
  >
> & {
  demo?: boolean;
  machineNetwork?: boolean;
};

type Environment = Record<string, string | undefined>;

const number = (name: string, text: string, least: number, most: number): number => {
  const value = Number(text);
  if (!(Number.isFinite(value) && value >= least && value <= most)) {
    throw invalid(`${name} is ${JSON.stringify(text)}; give a number from ${least} to ${most}.`);
  }
  return value;
};

function settingsOf(flags: Flags, env: Environment): Partial<Settings> {
  const given = (name: string, flag: string | undefined, variable: string | undefined, most: number, least = 0) => {
    const text = flag ?? variable;
    return text === undefined ? undefined : number(name, text, least, most);
  };
  const keepHours = given('--keep-hours', flags.keepHours, env.SILVERSMITH_KEEP_HOURS, 24 * 365);
  const auditDays = given('--audit-days', flags.auditDays, env.SILVERSMITH_AUDIT_DAYS, 36_500, 1);
  const cacheGb = given('--cache-gb', flags.cacheGb, env.SILVERSMITH_CACHE_GB, 1e6);
  const scrubDays = given('--scrub-days', flags.scrubDays, env.SILVERSMITH_SCRUB_DAYS, 3650);
  const scrubMb = given('--scrub-mb-per-second', flags.scrubMbPerSecond, env.SILVERSMITH_SCRUB_MB_PER_SECOND, 1e5);
  const machineStart = given('--starts-at-once', flags.startsAtOnce, env.SILVERSMITH_STARTS_AT_ONCE, 1000, 1);
  const imageInstall = given('--builds-at-once', flags.buildsAtOnce, env.SILVERSMITH_BUILDS_AT_ONCE, 1000, 1);
  return {
    ...(keepHours !== undefined && { keepDiskMs: keepHours * 3600_000 }),
    ...(auditDays !== undefined && { auditKeptMs: auditDays * 24 * 3600_000 }),
    ...(cacheGb !== undefined && { cacheBytesMax: cacheGb * 1024 ** 3 }),
    ...(scrubDays !== undefined && { scrubEveryMs: scrubDays * 24 * 3600_000 }),
    ...(scrubMb !== undefined && { scrubBytesPerSecond: scrubMb * 1024 ** 2 }),
    limits: {
      ...defaultSettings.limits,
      ...(machineStart !== undefined && { machineStart: Math.floor(machineStart) }),
      ...(imageInstall !== undefined && { imageInstall: Math.floor(imageInstall) }),
    },
  };
}

function addressOf(name: string, text: string | undefined): { host: string; port: number } | null {
  if (text === undefined) return null;
  const [, v6, name4, port] = /^(?:\[([\da-fA-F:]+)\]|([\w.-]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? name4;
  if (host === undefined || port === undefined)
    throw invalid(
      `${name} is ${JSON.stringify(text)}; give an address and a port, such as 127.0.0.1:9100 or [::1]:9100.`,
    );
  return { host, port: number(name, port, 0, 65535) };
}

/** Flags come before the environment, the environment before the defaults. Throws `invalid` with the name of what is wrong. */
export function parseConfig(flags: Flags, env: Environment): Config {
  const engine = flags.engine ?? env.SILVERSMITH_ENGINE ?? 'qemu';
  if (engine !== 'qemu' && engine !== 'simulator')
    throw invalid(`--engine is ${JSON.stringify(engine)}; give qemu or simulator.`);
  const port = number('--port', flags.port ?? env.SILVERSMITH_PORT ?? '8080', 0, 65535);
  if (!Number.isInteger(port)) throw invalid('--port must be a whole number.');
  const publicUrl = flags.publicUrl ?? env.SILVERSMITH_PUBLIC_URL ?? null;
  if (publicUrl !== null && !/^https?:\/\//.test(publicUrl))
    throw invalid(`--public-url is ${JSON.stringify(publicUrl)}; give an http or https address.`);
  return {
    dataDir: resolve(flags.dataDir ?? env.SILVERSMITH_DATA_DIR ?? 'data'),
    host: flags.host ?? env.SILVERSMITH_HOST ?? '127.0.0.1',
    port,
    engine,
    demo: flags.demo ?? env.SILVERSMITH_DEMO === '1',
    logLevel: flags.logLevel ?? env.SILVERSMITH_LOG_LEVEL ?? 'info',
    machineNetwork: flags.machineNetwork ?? env.SILVERSMITH_MACHINE_NETWORK === '1',
    simulatorSpeed: number('--simulator-speed', flags.simulatorSpeed ?? env.SILVERSMITH_SIMULATOR_SPEED ?? '1', 0, 1e6),
    publicUrl: publicUrl?.replace(/\/+$/, '') ?? null,
    settings: settingsOf(flags, env),
    requestsPerSecond: number('--rate-limit', flags.rateLimit ?? env.SILVERSMITH_RATE_LIMIT ?? '500', 0, 1e6),
    metrics: addressOf('--metrics', flags.metrics ?? env.SILVERSMITH_METRICS),
    ...(env.SILVERSMITH_MASTER_KEY !== undefined && { masterKey: env.SILVERSMITH_MASTER_KEY }),
    cacheDir: join(env.XDG_CACHE_HOME ?? join(env.HOME ?? homedir(), '.cache'), 'silversmith'),
  };
}
