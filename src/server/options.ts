// Configuration: read once from flags and the environment, checked, and handed down. Nothing else
// reads the environment.

import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { decimal, nameOf, oneOf, type Parser, parsed, path, whole, yesOrNo } from '../cli/parse.ts';
import { type Confining, confinements, defaultConfining } from '../engine/qemu/host.ts';
import { cacheDirs, defaultDataDir } from '../lib/folders.ts';
import { systemPath } from '../lib/spawn.ts';
import { defaultSettings, type Settings } from '../reconcile/context.ts';

export type EngineName = 'qemu' | 'simulator';

export interface Config {
  dataDir: string;
  host: string;
  port: number;
  /** Null: the one that the data belongs to; see installation.ts. */
  engine: EngineName | null;
  demo: boolean;
  logLevel: string;
  machineNetwork: boolean;
  simulatorSpeed: number;
  confining: Confining;
  /**
   * All that the programs that it starts find in their environment, and where they are looked for.
   */
  toolEnvironment: Record<string, string>;
  /** Where the demo base is looked for, and made in the first. */
  cacheDirs: string[];
  /**
   * Where callers reach the server, for the links that it makes; null: where each has reached it.
   */
  publicUrl: string | null;
  requestsPerSecond: number;
  /**
   * Where /metrics is answered; null: where the API is, when that is loopback without a public
   * address, and else nowhere.
   */
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
    | 'buildsAtOnce'
    | 'confine'
    | 'guestUids',
    string
  >
> & {
  demo?: boolean;
  machineNetwork?: boolean;
};

type Environment = Record<string, string | undefined>;

function settingsOf(flags: Flags, env: Environment): Partial<Settings> {
  const given = (
    name: string,
    flag: string | undefined,
    variable: string | undefined,
    most: number,
    least = 0,
  ) =>
    parsed(
      nameOf(name, flag),
      flag ?? variable,
      least === 1 ? whole(least, most) : decimal(least, most),
    );
  const keepHours = given('--keep-hours', flags.keepHours, env.SILVERSMITH_KEEP_HOURS, 24 * 365);
  const auditDays = given('--audit-days', flags.auditDays, env.SILVERSMITH_AUDIT_DAYS, 36_500, 1);
  const cacheGb = given('--cache-gb', flags.cacheGb, env.SILVERSMITH_CACHE_GB, 1e6);
  const scrubDays = given('--scrub-days', flags.scrubDays, env.SILVERSMITH_SCRUB_DAYS, 3650);
  const scrubMb = given(
    '--scrub-mb-per-second',
    flags.scrubMbPerSecond,
    env.SILVERSMITH_SCRUB_MB_PER_SECOND,
    1e5,
  );
  const machineStart = given(
    '--starts-at-once',
    flags.startsAtOnce,
    env.SILVERSMITH_STARTS_AT_ONCE,
    1000,
    1,
  );
  const imageInstall = given(
    '--builds-at-once',
    flags.buildsAtOnce,
    env.SILVERSMITH_BUILDS_AT_ONCE,
    1000,
    1,
  );
  return {
    ...(keepHours !== undefined && { keepDiskMs: keepHours * 3600_000 }),
    ...(auditDays !== undefined && { auditKeptMs: auditDays * 24 * 3600_000 }),
    ...(cacheGb !== undefined && { cacheBytesMax: cacheGb * 1024 ** 3 }),
    ...(scrubDays !== undefined && { scrubEveryMs: scrubDays * 24 * 3600_000 }),
    ...(scrubMb !== undefined && { scrubBytesPerSecond: scrubMb * 1024 ** 2 }),
    limits: {
      ...defaultSettings.limits,
      ...(machineStart !== undefined && { machineStart }),
      ...(imageInstall !== undefined && { imageInstall }),
    },
  };
}

const portOf = whole(0, 65535);
const logLevel = oneOf('info', 'error', 'silent', 'debug', 'warn', 'fatal', 'trace');

const listenAddress: Parser<{ host: string; port: number }> = (text) => {
  const [, v6, name4, port] = /^(?:\[([\da-fA-F:]+)\]|([\w.-]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? name4;
  if (host === undefined || port === undefined)
    throw new InvalidArgumentError(
      'Give an address and a port, such as 127.0.0.1:9100 or [::1]:9100.',
    );
  return { host, port: portOf(port) };
};

const hostOf: Parser<string> = (text) => {
  if (/^[\w.:%-]{1,253}$/.test(text)) return text;
  throw new InvalidArgumentError(
    'Give an address or a name of this host, such as 127.0.0.1, ::1 or 0.0.0.0.',
  );
};

const publicUrlOf: Parser<string> = (text) => {
  const url = URL.parse(text);
  const plain = url !== null && `${url.search}${url.hash}${url.username}${url.password}` === '';
  if (plain && /^https?:$/.test(url.protocol)) return url.href.replace(/\/+$/, '');
  throw new InvalidArgumentError(
    'Give an http or https address, such as https://images.example.org.',
  );
};

const uidMost = 2 ** 32 - 2;
const uidsLeast = 2000;

const uidRange: Parser<Confining['uids']> = (text) => {
  const [, first = 0, last = 0] = (/^(\d{1,10})-(\d{1,10})$/.exec(text) ?? []).map(Number);
  if (first > 0 && last <= uidMost && last - first + 1 >= uidsLeast) return { first, last };
  throw new InvalidArgumentError(
    `Give the first and the last of at least ${uidsLeast} numbers of users that nobody else has, such as 2000000000-2000065535.`,
  );
};

/** The variables that programs get: none that may hold a secret of ours. */
const toolVariables = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'TMPDIR', 'LANG', 'LC_ALL'],
  ...['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'],
];

export function toolEnvironment(env: Environment): Record<string, string> {
  const found = toolVariables.flatMap((name) =>
    env[name] === undefined ? [] : [[name, env[name]]],
  );
  return { PATH: systemPath, ...Object.fromEntries(found) };
}

/**
 * Flags come before the environment, the environment before the defaults. Throws UsageError with
 * the name of what is wrong.
 */
export function parseConfig(flags: Flags, env: Environment): Config {
  const given = <Value>(
    option: string,
    flag: string | undefined,
    variable: string | undefined,
    parse: Parser<Value>,
  ) => parsed(nameOf(option, flag), flag ?? variable, parse);
  const engine =
    given('--engine', flags.engine, env.SILVERSMITH_ENGINE, oneOf('qemu', 'simulator')) ?? null;
  const dataDir =
    given('--data-dir', flags.dataDir, env.SILVERSMITH_DATA_DIR, path) ?? defaultDataDir(env);
  const demo = parsed('SILVERSMITH_DEMO', env.SILVERSMITH_DEMO, yesOrNo);
  const machineNetwork = parsed(
    'SILVERSMITH_MACHINE_NETWORK',
    env.SILVERSMITH_MACHINE_NETWORK,
    yesOrNo,
  );
  const speed = given(
    '--simulator-speed',
    flags.simulatorSpeed,
    env.SILVERSMITH_SIMULATOR_SPEED,
    decimal(0, 1e6),
  );
  return {
    dataDir: resolve(dataDir),
    host: given('--host', flags.host, env.SILVERSMITH_HOST, hostOf) ?? '127.0.0.1',
    port: given('--port', flags.port, env.SILVERSMITH_PORT, portOf) ?? 8080,
    engine,
    demo: flags.demo ?? demo ?? false,
    logLevel: given('--log-level', flags.logLevel, env.SILVERSMITH_LOG_LEVEL, logLevel) ?? 'info',
    machineNetwork: flags.machineNetwork ?? machineNetwork ?? false,
    simulatorSpeed: speed ?? 1,
    confining: {
      confinement:
        given('--confine', flags.confine, env.SILVERSMITH_CONFINE, oneOf(...confinements)) ??
        defaultConfining.confinement,
      uids:
        given('--guest-uids', flags.guestUids, env.SILVERSMITH_GUEST_UIDS, uidRange) ??
        defaultConfining.uids,
    },
    toolEnvironment: toolEnvironment(env),
    publicUrl:
      given('--public-url', flags.publicUrl, env.SILVERSMITH_PUBLIC_URL, publicUrlOf) ?? null,
    settings: settingsOf(flags, env),
    requestsPerSecond:
      given('--rate-limit', flags.rateLimit, env.SILVERSMITH_RATE_LIMIT, decimal(0, 1e6)) ?? 500,
    metrics: given('--metrics', flags.metrics, env.SILVERSMITH_METRICS, listenAddress) ?? null,
    ...(env.SILVERSMITH_MASTER_KEY !== undefined && { masterKey: env.SILVERSMITH_MASTER_KEY }),
    cacheDirs: cacheDirs(env),
  };
}
