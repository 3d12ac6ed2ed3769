// The start of a connection: whether the server is Incus and trusts us, and the project in which
// everything is. A project that exists and is not of this installation is never used.

import { AppError, failedForNow } from '../../domain/error.ts';
import { Pool, Profile, Project, Server } from './answer.ts';
import type { IncusClient } from './client.ts';
import { marks } from './context.ts';
import { isExisting } from './error.ts';

/** The extensions of Incus's API without which the engine does not work. */
const needed = [
  'etag',
  'projects',
  'instances',
  'container_exec_user_group_cwd',
  'image_create_aliases',
  'clustering',
  'projects_compression',
  'resources_v2',
];

/** Returns the server's own description. Throws `unavailable` with a remedy. */
export async function assertServer(client: IncusClient, signal: AbortSignal): Promise<Server> {
  const { value: server } = await client.get(Server, '/1.0', signal);
  const at = client.endpoint.name;
  if (server.auth !== 'trusted')
    throw failedForNow(
      `Incus at ${at} does not trust the certificate of this server. Give its certificate and key with --incus-client-certificate and --incus-client-key, and trust it on the cluster: incus config trust add-certificate FILE`,
    );
  const name = server.environment?.server ?? 'incus';
  if (name !== 'incus')
    throw failedForNow(
      `The server at ${at} is ${name}, not Incus; use Incus 6.0 or newer, whose API differs.`,
    );
  const missing = needed.filter((name) => !server.api_extensions.includes(name));
  if (missing.length > 0)
    throw failedForNow(
      `Incus at ${at} is too old: its API lacks ${missing.join(', ')}. Use Incus 6.0 or newer.`,
    );
  return server;
}

const config = (installation: string) => ({
  'features.images': 'true',
  'features.profiles': 'false',
  'features.networks': 'false',
  'features.storage.volumes': 'true',
  // Layers are read and written often, and compression takes longest of all.
  'images.compression_algorithm': 'none',
  [marks.installation]: installation,
});

/** Makes the project when it is missing. Throws `conflict` when it is not this installation's. */
export async function ensureProject(
  client: IncusClient,
  installation: string,
  signal: AbortSignal,
): Promise<void> {
  const { project } = client;
  const path = `/1.0/projects/${encodeURIComponent(project)}`;
  let found = await client.find(Project, path, signal);
  if (found === null) {
    const description = 'Layers and machines of Silversmith';
    const json = { name: project, description, config: config(installation) };
    await client.ask('POST', '/1.0/projects', signal, { json }).catch((error) => {
      if (!isExisting(error)) throw error;
    });
    found = await client.get(Project, path, signal);
  }
  const { config: has } = found.value;
  if (has[marks.installation] !== installation)
    throw new AppError(
      'conflict',
      `The project ${project} of Incus is not of this installation, so it is left alone. Give another name with --incus-project. When it is this installation's all the same: incus project set ${project} ${marks.installation}=${installation}`,
    );
  const shared = ['features.images', 'features.storage.volumes'].filter(
    (name) => has[name] !== 'true',
  );
  if (shared.length > 0)
    throw new AppError(
      'conflict',
      `The project ${project} of Incus shares things with other projects (${shared.join(', ')} is not true); give another name with --incus-project.`,
    );
}

/** The storage pool to use: the named one, or the only one. Throws `unavailable` with a remedy. */
export async function findPool(
  client: IncusClient,
  name: string | null,
  signal: AbortSignal,
): Promise<string> {
  const { metadata } = await client.ask('GET', '/1.0/storage-pools', signal);
  const names = (Array.isArray(metadata) ? metadata : []).map((path) =>
    decodeURIComponent(String(path).split('?')[0]?.split('/').at(-1) ?? ''),
  );
  const list = names.join(', ') || 'none';
  if (name !== null) {
    if (names.includes(name)) return name;
    throw failedForNow(
      `Incus has no storage pool ${name} (it has: ${list}); give one of them with --incus-pool, or make it: incus storage create`,
    );
  }
  const [only] = names;
  if (only !== undefined && names.length === 1) return only;
  throw failedForNow(
    only === undefined
      ? 'Incus has no storage pool; make one: incus storage create default btrfs'
      : `Incus has several storage pools (${list}); say which one to use with --incus-pool.`,
  );
}

export const poolOf = async (client: IncusClient, pool: string, signal: AbortSignal) =>
  (await client.get(Pool, `/1.0/storage-pools/${encodeURIComponent(pool)}`, signal)).value;

type Cards = [name: string, device: Record<string, string>][];

/** The network cards of a profile. Throws `unavailable` when there is no such profile. */
export async function cardsOf(
  client: IncusClient,
  profile: string | null,
  signal: AbortSignal,
): Promise<Cards> {
  if (profile === null) return [];
  const path = `/1.0/profiles/${encodeURIComponent(profile)}`;
  const found = await client.find(Profile, path, signal);
  if (found === null)
    throw failedForNow(
      `Incus has no profile ${profile}; give another one with --incus-profile, or make it: incus profile create ${profile}`,
    );
  return Object.entries(found.value.devices).filter(([, device]) => device.type === 'nic');
}
