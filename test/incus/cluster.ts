// Starts a real Incus 6.0, alone or as a cluster whose members are at 127.0.0.1, 127.0.0.2 and
// 127.0.0.3 of this host. It needs root, and makes a Debian 13 with Incus once, which takes a
// minute.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../src/domain/error.ts';
import { type Scope, temporaryFolder, waitFor } from '../support.ts';
import { type IncusMember, startMember } from './member.ts';
import { memberNetwork } from './network.ts';

/** Why a test of Incus is left out; false for root. It is shown beside the title. */
export const leftOutWithoutIncus =
  process.getuid?.() === 0 ? false : 'it runs Incus, which only root may; type: sudo npm test';

interface IncusOptions {
  /** With one member, it is no cluster. */
  members?: 1 | 2 | 3;
  /** The pool `default` of each member: folders, or btrfs in a file, which copies on write. */
  pool?: 'dir' | 'btrfs';
  poolMib?: number;
  /** A network apart from the host's, from which a member can be cut off. */
  ownNetwork?: boolean;
  /** After how long without a heartbeat a member counts as offline; Incus takes 10 or more. */
  offlineAfterS?: number;
}

const authorityOf = ({ url }: IncusMember) => new URL(url).host;

/** Makes the pool, and the root disk of every instance on it. */
async function furnish({ api }: IncusMember, driver: string, size: object): Promise<void> {
  const pool = { name: 'default', driver, config: size };
  await api.call('POST', '/1.0/storage-pools', { json: pool });
  const devices = { root: { type: 'disk', path: '/', pool: 'default' } };
  await api.call('PATCH', '/1.0/profiles/default', { json: { devices } });
}

async function joinCluster(first: IncusMember, member: IncusMember, size: object): Promise<void> {
  const json = { server_name: member.name };
  const { metadata } = await first.api.ask('POST', '/1.0/cluster/members', { json });
  const { serverName, secret, fingerprint, addresses, expiresAt } = metadata.metadata;
  const times = { server_name: serverName, expires_at: expiresAt };
  const token = JSON.stringify({ ...times, secret, fingerprint, addresses });
  const keys = Object.entries(size).map(([key, value]) => {
    return { entity: 'storage-pool', name: 'default', key, value };
  });
  await member.api.call('PUT', '/1.0/cluster', {
    json: {
      server_name: member.name,
      enabled: true,
      server_address: authorityOf(member),
      cluster_address: authorityOf(first),
      cluster_certificate: first.serverCertificate,
      cluster_token: Buffer.from(token).toString('base64'),
      member_config: keys,
    },
  });
}

/** The members of the cluster by name, with their status: Online, Offline, Evacuated. */
export async function memberStates({ api }: IncusMember): Promise<Record<string, string>> {
  const members = await api.call('GET', '/1.0/cluster/members?recursion=1');
  return Object.fromEntries(
    members.map((one: { server_name: string; status: string }) => [one.server_name, one.status]),
  );
}

/** Waits until a member sees all the others with these statuses. */
export const statesAre = (
  member: IncusMember,
  expected: Record<string, string>,
  limitMs = 60_000,
) =>
  waitFor(
    `${member.name} sees ${JSON.stringify(expected)}`,
    async () => {
      const states = await memberStates(member).catch(() => ({}) as Record<string, string>);
      return Object.entries(expected).every(([name, status]) => states[name] === status);
    },
    limitMs,
    100,
  );

/**
 * Asks until there is an answer. A member that is back refuses for a moment ("Server isn't ready
 * yet") what it is asked about its instances, though its cluster already counts it as online.
 */
export async function answerOf<Answer>(what: string, ask: () => Promise<Answer>): Promise<Answer> {
  const answered = () =>
    ask().then(
      (answer) => ({ answer }),
      (error) => {
        if (error instanceof AppError && error.retry === 'later') return null;
        throw error;
      },
    );
  return (await waitFor(what, answered, 60_000, 100)).answer;
}

/** Starts Incus. All of it ends with the test, and with this process. */
export async function startIncus(t: Scope, options: IncusOptions = {}) {
  const { members: count = 1, pool = 'dir', poolMib = 2048, offlineAfterS = 11 } = options;
  const folder = await temporaryFolder(t);
  const size = pool === 'dir' ? {} : { size: `${poolMib}MiB` };
  const network = options.ownNetwork ? await memberNetwork(t) : null;
  const starting = Array.from({ length: count }, (_, index) =>
    startMember(t, folder, index, network),
  );
  const members = await Promise.all(starting);
  const [first, ...others] = members as [IncusMember, ...IncusMember[]];
  await furnish(first, pool, size);
  if (count > 1) {
    const json = { server_name: first.name, enabled: true };
    await first.api.call('PUT', '/1.0/cluster', { json });
    const config = { 'cluster.offline_threshold': String(offlineAfterS) };
    await first.api.call('PATCH', '/1.0', { json: { config } });
    first.serverCertificate = (await first.api.call('GET', '/1.0')).environment.certificate;
    for (const member of others) {
      await joinCluster(first, member, size);
      member.serverCertificate = first.serverCertificate;
    }
    await statesAre(first, Object.fromEntries(members.map(({ name }) => [name, 'Online'])));
  }
  return { first, members, folder, network };
}

/** Makes a key and a certificate that it signs itself, in PEM. */
export function clientCertificate(folder: string, name: string) {
  const [keyFile, certificateFile] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const subject = ['-days', '2', '-subj', `/CN=${name}`];
  const to = ['-keyout', keyFile, '-out', certificateFile];
  execFileSync('openssl', ['req', '-x509', ...curve, ...subject, ...to], { stdio: 'pipe' });
  const [key, certificate] = [keyFile, certificateFile].map((file) => readFileSync(file, 'utf8'));
  return { key, certificate, keyFile, certificateFile };
}

/** Makes a daemon and its cluster trust a client. */
export async function trustClient(
  { api }: IncusMember,
  { certificate = '' }: ReturnType<typeof clientCertificate>,
): Promise<void> {
  const der = certificate.replaceAll(/-----[^-]+-----|\s/g, '');
  const json = { name: 'silversmith', type: 'client', certificate: der };
  await api.call('POST', '/1.0/certificates', { json });
}
