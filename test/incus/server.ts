// Starts a real server in its own process, on a real Incus. A test can kill it and start it again on
// the same data.

import { type Client, createClient } from '../../src/client/client.ts';
import type { MachineId } from '../../src/domain/ids.ts';
import { requirePart } from '../../src/engine/optional/parts.ts';
import { findInstallation } from '../../src/server/installation.ts';
import { openEngine, openExistingStore } from '../../src/server/open.ts';
import { parseConfig } from '../../src/server/options.ts';
import { call } from '../call.ts';
import { furnish, type Title } from '../furnish.ts';
import { serverProcess } from '../server-process.ts';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';
import { containerBase, type IncusMember } from './member.ts';

const restMs = 90_000;

/** Starts a server with a container base, and an organisation with two machines and the titles. */
export async function startOnIncus(t: Scope, member: IncusMember, titles: Title[]) {
  const dataDir = await temporaryFolder(t);
  const given = { dataDir, engine: 'incus', incusUrl: `unix:${member.socketPath}` };
  const { start: startWith, end } = serverProcess();
  let url = '';
  const start = async () => {
    const flags = ['--data-dir', dataDir, '--port', '0', '--log-level', 'error'];
    const engine = ['--engine', given.engine, '--incus-url', given.incusUrl];
    url = await startWith([...flags, ...engine], /serves (http:\S+)/);
  };
  await start();
  defer(t, () => end('SIGTERM'));
  const config = parseConfig(given, {});
  const engine = await openEngine(config);
  defer(t, () => engine.close());
  const { store, masterKey } = await openExistingStore(config);
  defer(t, () => store.close());
  const base = { disk: await containerBase(), boot: { mode: 'bios' as const } };
  const { software, machines, key } = await furnish(
    { store, engine, masterKey },
    { base, titles, machines: 2 },
  );
  const client = (): Client => createClient({ url, ...key });
  const { id = '' } = (await findInstallation(dataDir)) ?? {};
  return {
    dataDir,
    /** The project of this server's data. */
    project: `silversmith-${id.slice(0, 12)}`,
    engine,
    store,
    client,
    software,
    machines,
    image: (id: number) =>
      waitFor(
        `image ${id} is at rest`,
        async () => {
          const { attributes } = await client().imageGet({ id });
          return ['available', 'failed'].includes(attributes.status) && attributes;
        },
        restMs,
        50,
      ),
    machine: (id: number, status: 'ready' | 'off') =>
      waitFor(
        `machine ${id} is ${status}`,
        async () => {
          const { attributes } = await client().machineGet({ id });
          return attributes.friendly_status === status && attributes;
        },
        restMs,
        50,
      ),
    async inside(id: number, script: string) {
      const machineId = id as MachineId;
      const command = ['/bin/sh', '-c', script];
      const exec = requirePart(engine, 'exec');
      const { stdout, stderr } = await exec.run({ machineId, command }, call);
      return (stdout + stderr).trim();
    },
    kill: () => end('SIGKILL'),
    start,
  };
}
