// The settings of a server, one row each, and the configuration that is made of them. It is read
// once from options and the environment, checked, and handed down; no other code reads them.
//
// To add a setting: add its row here and the line of `parseConfig` that says where its value goes,
// then print docs/reference/settings.md again.

import { resolve } from 'node:path';
import { decimal, oneOf, type Parser, path, refuse, yesOrNo } from '../cli/parse.ts';
import { type ListenAddress, listenHost, portNumber, publicUrl } from '../cli/parse-address.ts';
import { databaseUrl, withoutSecret } from '../cli/parse-database.ts';
import { dataDirSetting, type FlagsOf, setting, settingValues } from '../cli/setting.ts';
import type { Forwarding } from '../domain/machine-network.ts';
import { type Confining, confinements, defaultConfining } from '../engine/qemu/host.ts';
import type { NetworkOptions } from '../engine/qemu/network.ts';
import type { Environment } from '../lib/environment.ts';
import { cacheDirs, defaultDataDir } from '../lib/folders.ts';
import { defaultSettings, type Settings } from '../reconcile/context.ts';
import { admissionConfig, admissionSettings } from './admission-options.ts';
import { corsSettings } from './cors-options.ts';
import { type IncusConfig, incusSettings } from './incus-options.ts';
import { keepSettings } from './keep-options.ts';
import { listenSettings } from './listen-options.ts';
import { networkSettings } from './network-options.ts';
import { templateConfig, templateSettings } from './template-options.ts';
import { toolEnvironment } from './tool-environment.ts';
import { type TraceConfig, traceConfig, traceSettings } from './trace-options.ts';
import { webhookSettings } from './webhook-options.ts';

const uidMost = 2 ** 32 - 2;
const uidsLeast = 2000;

const uidRange: Parser<Confining['uids']> = (text) => {
  const [, first = 0, last = 0] = (/^(\d{1,10})-(\d{1,10})$/.exec(text) ?? []).map(Number);
  return first > 0 && last <= uidMost && last - first + 1 >= uidsLeast
    ? { first, last }
    : refuse(
        `Give the first and the last of at least ${uidsLeast} numbers of users that nobody else has, such as 2000000000-2000065535.`,
      );
};

export const engineNames = ['qemu', 'incus', 'simulator'] as const;
export type EngineName = (typeof engineNames)[number];

/** Whether the engine keeps its data on the host of one server, which alone can work it. */
export const isHostBound = (engine: string): boolean => engine !== 'incus';

/** A cluster has no ports that lead to machines. */
export const withForwarding = (config: Config, engine: string): Config => ({
  ...config,
  forwarding: { ...config.forwarding, ...(!isHostBound(engine) && { network: null }) },
});

export const settings = {
  dataDir: dataDirSetting,
  databaseUrl: setting({
    option: '--database-url <url>',
    variable: 'SILVERSMITH_DATABASE_URL',
    parse: databaseUrl,
    default: null,
    defaultSays: 'SQLite in the data directory',
    help: 'PostgreSQL that keeps the state for several servers, as postgres://user@host/database',
  }),
  transfersDir: setting({
    option: '--transfers-dir <folder>',
    variable: 'SILVERSMITH_TRANSFERS_DIR',
    parse: path,
    default: null,
    defaultSays: 'the data directory',
    help: 'where uploads and exports wait; several servers need one that they share',
  }),
  host: setting({
    option: '--host <address>',
    variable: 'SILVERSMITH_HOST',
    parse: listenHost,
    default: '127.0.0.1',
    help: 'address to listen on',
  }),
  port: setting({
    option: '--port <number>',
    variable: 'SILVERSMITH_PORT',
    parse: portNumber,
    default: 8080,
    help: 'port to listen on, 0 for a free one',
  }),
  engine: setting({
    option: '--engine <name>',
    variable: 'SILVERSMITH_ENGINE',
    parse: oneOf(...engineNames),
    default: null,
    defaultSays: 'the one of the data, qemu for new data',
    help: 'qemu, incus or simulator',
  }),
  ...networkSettings,
  ...incusSettings,
  simulatorSpeed: setting({
    option: '--simulator-speed <factor>',
    variable: 'SILVERSMITH_SIMULATOR_SPEED',
    parse: decimal(0, 1e6),
    default: 1,
    help: 'how many times faster than real the simulator is; 0 does not wait',
  }),
  publicUrl: setting({
    option: '--public-url <url>',
    variable: 'SILVERSMITH_PUBLIC_URL',
    parse: publicUrl,
    default: null,
    help: 'where callers reach it, for links that it makes',
  }),
  ...corsSettings,
  ...webhookSettings,
  rateLimit: setting({
    option: '--rate-limit <number>',
    variable: 'SILVERSMITH_RATE_LIMIT',
    parse: decimal(0, 1e6),
    default: 500,
    help: 'requests a second that one key may send on average, and twice as many in a burst; 0: no limit',
  }),
  ...listenSettings,
  ...traceSettings,
  ...keepSettings,
  ...admissionSettings,
  ...templateSettings,
  confine: setting({
    option: '--confine <how>',
    variable: 'SILVERSMITH_CONFINE',
    parse: oneOf(...confinements),
    default: defaultConfining.confinement,
    help: 'how guests are kept from this host and from each other: bubblewrap, or none, which is less safe',
  }),
  guestUids: setting({
    option: '--guest-uids <first-last>',
    variable: 'SILVERSMITH_GUEST_UIDS',
    parse: uidRange,
    default: defaultConfining.uids,
    defaultSays: `${defaultConfining.uids.first}-${defaultConfining.uids.last}`,
    help: 'numbers of users for guests, when the server is root',
  }),
  logLevel: setting({
    option: '--log-level <level>',
    variable: 'SILVERSMITH_LOG_LEVEL',
    parse: oneOf('info', 'error', 'silent', 'debug', 'warn', 'fatal', 'trace'),
    default: 'info',
    help: 'debug, info, warn, error or silent',
  }),
  demo: setting({
    option: '--demo',
    variable: 'SILVERSMITH_DEMO',
    parse: yesOrNo,
    default: false,
    help: 'fill an empty store with a demo organisation, machines, a catalogue and a base',
  }),
  masterKey: setting({
    option: null,
    variable: 'SILVERSMITH_MASTER_KEY',
    parse: (text) => text,
    default: null,
    defaultSays: 'the file master.key in the data directory',
    help: 'the key under which secrets are kept; for a rotation the new one, a comma and the old one',
  }),
};

export type Flags = FlagsOf<typeof settings>;

export interface Config {
  dataDir: string;
  /** Null: SQLite in the data directory. */
  databaseUrl: string | null;
  transfersDir: string | null;
  host: string;
  port: number;
  /** Null: the engine that the data belongs to; see installation.ts. */
  engine: EngineName | null;
  demo: boolean;
  logLevel: string;
  networks: NetworkOptions;
  /** The ports of the host that may lead to machines, unless another engine has none. */
  forwarding: Forwarding;
  simulatorSpeed: number;
  incus: IncusConfig;
  confining: Confining;
  /** The whole environment of the programs that the server starts; PATH is where they are found. */
  toolEnvironment: Record<string, string>;
  /** Folders in which the demo base is looked for; it is made in the first. */
  cacheDirs: string[];
  /** The address in links that the server makes; null: the one by which each caller came. */
  publicUrl: string | null;
  /** The origins whose pages may call the API. */
  corsOrigins: readonly string[];
  requestsPerSecond: number;
  /**
   * Where /metrics is answered; null: where the API is, when that is loopback without a public
   * address, and else nowhere.
   */
  metrics: ListenAddress | null;
  /** Where the operator's API is answered; null: where the API is, to callers on this host. */
  operatorApi: ListenAddress | null;
  /** Null: nothing is traced. */
  trace: TraceConfig | null;
  /** Settings of the reconciler that an operator may change. */
  settings: Partial<Settings>;
  /** The ring of master keys, when it is not in the file of the data directory. */
  masterKey?: string;
}

/**
 * Options override the environment, and the environment overrides the defaults. Throws UsageError
 * with the name of the setting that is wrong.
 */
export function parseConfig(flags: Flags, env: Environment): Config {
  const given = settingValues(settings, flags, env);
  return {
    dataDir: resolve(given.dataDir ?? defaultDataDir(env)),
    databaseUrl: withoutSecret(flags.databaseUrl, given.databaseUrl),
    transfersDir: given.transfersDir === null ? null : resolve(given.transfersDir),
    host: given.host,
    port: given.port,
    engine: given.engine,
    demo: given.demo,
    logLevel: given.logLevel,
    networks: { network: given.machineNetwork, reach: given.machineReach },
    forwarding: {
      network: given.machineNetwork,
      addresses: given.forwardAddress,
      ports: given.forwardPorts,
    },
    simulatorSpeed: given.simulatorSpeed,
    incus: {
      urls: given.incusUrl,
      clientCertificate: given.incusClientCertificate,
      clientKey: given.incusClientKey,
      serverCertificate: given.incusServerCertificate,
      project: given.incusProject,
      pool: given.incusPool,
      profile: given.incusProfile,
    },
    confining: { confinement: given.confine, uids: given.guestUids },
    toolEnvironment: toolEnvironment(env),
    cacheDirs: cacheDirs(env),
    publicUrl: given.publicUrl,
    corsOrigins: given.corsOrigin,
    requestsPerSecond: given.rateLimit,
    metrics: given.metrics,
    operatorApi: given.operatorApi,
    trace: traceConfig(given.otlpEndpoint, given.otlpHeaders),
    settings: {
      keepDiskMs: given.keepHours,
      auditKeptMs: given.auditDays,
      outputKeptMs: given.buildOutputDays,
      deletedKeptMs: given.deletedDays,
      cacheBytesMax: given.cacheGb,
      scrubEveryMs: given.scrubDays,
      scrubBytesPerSecond: given.scrubMbPerSecond,
      webhooksMayAskInside: given.webhooksInside,
      ...admissionConfig(given),
      ...templateConfig(given),
      limits: {
        ...defaultSettings.limits,
        machineStart: given.startsAtOnce,
        imageInstall: given.buildsAtOnce,
      },
    },
    ...(given.masterKey !== null && { masterKey: given.masterKey }),
  };
}
