// Starts a real server in its own process, on a real Incus. A test can kill it and start it again
// on the same data.

import type { TestContext } from 'node:test';
import { type Client, createClient } from '../../src/client/client.ts';
import type { MachineId } from '../../src/domain/ids.ts';
import { marks } from '../../src/engine/incus/context.ts';
import { requirePart } from '../../src/engine/optional/parts.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { examine } from '../../src/reconcile/doctor.ts';
import { findInstallation } from '../../src/server/installation.ts';
import { openEngine, openExistingStore } from '../../src/server/open.ts';
import { parseConfig } from '../../src/server/options.ts';
import { call } from '../call.ts';
import { furnish, type Title } from '../furnish.ts';
import { serverProcess } from '../server-process.ts';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';
import { containerBase, type IncusMember } from './member.ts';

const restMs = 240_000;

/** Prints how long each part of a test took. */
export function laps(t: TestContext) {
  let at = performance.now();
  return (what: string) => {
    t.diagnostic(`${what}: ${((performance.now() - at) / 1000).toFixed(1)} s`);
    at = performance.now();
  };
}

export const socketOf = ({ socketPath }: IncusMember) => `unix:${socketPath}`;

interface ServerOptions {
  /** Where the cluster is; by default the socket of the member. */
  incusUrl?: string;
  incusClientCertificate?: string;
  incusClientKey?: string;
  incusServerCertificate?: string;
}

/** Starts a server with a container base, and an organisation with two machines and the titles. */
export async function startOnIncus(
  t: Scope,
  member: IncusMember,
  titles: Title[],
  options: ServerOptions = {},
) {
  const dataDir = await temporaryFolder(t);
  const given = { dataDir, engine: 'incus', incusUrl: socketOf(member), ...options };
  const { start: startWith, end } = serverProcess();
  let url = '';
  const start = async () => {
    const flags = Object.entries(given).flatMap(([name, value]) => [
      `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      value,
    ]);
    const silent = ['--port', '0', '--log-level', 'error'];
    url = await startWith([...flags, ...silent], /serves (http:\S+)/);
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
  const { id: installation = '' } = (await findInstallation(dataDir)) ?? {};
  return {
    dataDir,
    /** The project of this server's data. */
    project: `silversmith-${installation.slice(0, 12)}`,
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
    /** Waits until the API says this of a machine; null: it gives no reason. */
    says: (id: number, status: string, reason: RegExp | null) =>
      waitFor(
        `machine ${id} is ${status}, because ${reason}`,
        async () => {
          const { attributes } = await client().machineGet({ id });
          const { friendly_status, status_reason } = attributes;
          if (friendly_status !== status) return false;
          return reason === null ? status_reason === null : reason.test(status_reason ?? '');
        },
        restMs,
        50,
      ),
    isReady: async () => (await fetch(`${url}/readyz`)).status === 200,
    /** What the doctor finds. */
    findings: () => examine({ store, engine, clock: systemClock }),
    /** The members on which a machine has instances that are on. */
    async membersOf(id: number): Promise<string[]> {
      const on = `project=silversmith-${installation.slice(0, 12)}&recursion=1`;
      const all: { location: string; status: string; config: Record<string, string> }[] =
        await member.api.call('GET', `/1.0/instances?${on}`);
      return all
        .filter(({ status, config }) => status === 'Running' && config[marks.machine] === `${id}`)
        .map(({ location }) => location);
    },
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
