// The settings of the Incus engine, one row each, and the connection that is made of them.

import { readFile } from 'node:fs/promises';
import { type Parser, path, refuse } from '../cli/parse.ts';
import { setting } from '../cli/setting.ts';
import { AppError } from '../domain/error.ts';
import { openIncus } from '../engine/incus/engine.ts';
import type { Engine } from '../engine/port/engine.ts';
import { systemSentence } from '../lib/system-error.ts';

const urlsMax = 20;

const isUrl = (text: string): boolean => {
  if (/^unix:\/.+/.test(text)) return true;
  const url = URL.parse(text);
  return url?.protocol === 'https:' && `${url.pathname}${url.search}${url.username}` === '/';
};

const urlList: Parser<readonly string[]> = (text) => {
  const urls = text.split(',').map((url) => url.trim());
  return urls.length <= urlsMax && urls.every(isUrl)
    ? urls
    : refuse(
        'Give unix: and the path of the socket, such as unix:/var/lib/incus/unix.socket, or https addresses of members with commas between them, such as https://one.example:8443,https://two.example:8443.',
      );
};

/** Names as Incus allows them for projects, pools and profiles. */
const incusName: Parser<string> = (text) =>
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text)
    ? text
    : refuse('Give a name of at most 63 letters, digits and the characters . _ -');

export const incusSettings = {
  incusUrl: setting({
    option: '--incus-url <urls>',
    variable: 'SILVERSMITH_INCUS_URL',
    parse: urlList,
    default: ['unix:/var/lib/incus/unix.socket'],
    help: 'incus: where the cluster is: unix:SOCKET, or https addresses of its members, of which the next is asked when one does not answer',
  }),
  incusClientCertificate: setting({
    option: '--incus-client-certificate <file>',
    variable: 'SILVERSMITH_INCUS_CLIENT_CERTIFICATE',
    parse: path,
    default: null,
    help: 'incus: the certificate in PEM by which the cluster knows this server, for https',
  }),
  incusClientKey: setting({
    option: '--incus-client-key <file>',
    variable: 'SILVERSMITH_INCUS_CLIENT_KEY',
    parse: path,
    default: null,
    help: 'incus: the key of that certificate, in PEM',
  }),
  incusServerCertificate: setting({
    option: '--incus-server-certificate <file>',
    variable: 'SILVERSMITH_INCUS_SERVER_CERTIFICATE',
    parse: path,
    default: null,
    defaultSays: 'what the system trusts',
    help: 'incus: the certificate of the cluster in PEM, or of the authority that signed it',
  }),
  incusProject: setting({
    option: '--incus-project <name>',
    variable: 'SILVERSMITH_INCUS_PROJECT',
    parse: incusName,
    default: null,
    defaultSays: 'silversmith- and the id of the installation',
    help: 'incus: the project for everything that it makes; it is made when it is missing',
  }),
  incusPool: setting({
    option: '--incus-pool <name>',
    variable: 'SILVERSMITH_INCUS_POOL',
    parse: incusName,
    default: null,
    defaultSays: 'the only one',
    help: 'incus: the storage pool for disks',
  }),
  incusProfile: setting({
    option: '--incus-profile <name>',
    variable: 'SILVERSMITH_INCUS_PROFILE',
    parse: incusName,
    default: null,
    defaultSays: 'none, so machines have no network',
    help: 'incus: a profile of the default project that every machine gets, for network cards and other devices',
  }),
};

export interface IncusConfig {
  urls: readonly string[];
  clientCertificate: string | null;
  clientKey: string | null;
  serverCertificate: string | null;
  project: string | null;
  pool: string | null;
  profile: string | null;
}

async function pemIn(option: string, file: string | null): Promise<string | undefined> {
  if (file === null) return undefined;
  return readFile(file, 'utf8').catch((error) => {
    const why = systemSentence(error, file) ?? String(error);
    throw new AppError('unavailable', `${option}: ${why}`, { cause: error });
  });
}

/** Opens the engine. Throws `unavailable` for a file that cannot be read, and what it throws. */
export async function openIncusWith(config: IncusConfig, installation: string): Promise<Engine> {
  const { urls, project, pool, profile } = config;
  const certificate = await pemIn('--incus-client-certificate', config.clientCertificate);
  const key = await pemIn('--incus-client-key', config.clientKey);
  const server = await pemIn('--incus-server-certificate', config.serverCertificate);
  const address = {
    urls,
    ...(certificate !== undefined && { certificate }),
    ...(key !== undefined && { key }),
    ...(server !== undefined && { serverCertificate: server }),
  };
  return openIncus({ address, installation, project, pool, profile });
}
