// Makes the place on which a scenario starts, a data directory and a store: a base, three titles,
// one machine, and the things that the scenario needs. It is made once; each death runs on a copy
// of it.

import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient } from '../../src/client/client.ts';
import type { Simulator } from '../../src/engine/simulator/engine.ts';
import type { Settings } from '../../src/reconcile/context.ts';
import { parseConfig } from '../../src/server/options.ts';
import { type Running, serve } from '../../src/server/serve.ts';
import { type Furniture, furnish } from '../furnish.ts';
import type { PostgresServer } from '../postgres/server.ts';
import { quickAgentBase, quickBase, quickUefiDisk } from '../qemu/quick-base.ts';
import { type Scope, temporaryFolder } from '../support.ts';
import { leaveMark } from './mark.ts';
import { newPlace, type Place } from './place.ts';
import type { EngineName, Scenario, World } from './scenario.ts';

type Furnished = Awaited<ReturnType<typeof furnish>>;

/** A scenario with everything before it done, in a place that no server runs on. */
export interface Prepared {
  scenario: Scenario;
  engine: EngineName;
  /** Holds the data directory of `place`, and the copies of it that deaths run on. */
  folder: string;
  place: Place;
  furnished: Furnished;
}

/**
 * On PostgreSQL no start ends the leases of others, so the heir waits until those of the dead
 * server are over.
 */
const leaseMs = 1000;

export const settingsOf = (
  { settings }: Scenario,
  engine: EngineName,
  { database }: Place,
): Partial<Settings> => ({
  ...(database && { leaseMs }),
  stopMs: 0,
  collectDelayMs: 0,
  templatePolicy: 'never',
  // The engine polls for a guest's answer, and each poll makes one or two steps.
  pollMs: engine === 'qemu' ? 500 : 50,
  ...settings,
});

export const configOf = ({ dataDir, database }: Place, engine: EngineName) =>
  parseConfig(
    { dataDir, engine, port: '0', logLevel: 'silent', simulatorSpeed: '0' },
    database === null ? {} : { SILVERSMITH_DATABASE_URL: database.url },
  );

export const worldOf = (
  { store, url, engine }: Pick<Running, 'store' | 'url' | 'engine'>,
  dataDir: string,
  { key, software, machines: [machine = 0] }: Furnished,
): World => ({
  dataDir,
  engine: engine.name as EngineName,
  store,
  client: createClient({ url, ...key }),
  software,
  machine,
  async write(mark) {
    const disks = await store.read('system', (work) => work.disks.ofMachine(machine as never));
    const disk = disks.find((one) => one.state === 'active')?.id as never;
    if (engine.name === 'simulator')
      return (engine as Simulator).writeToDisk(disk, leaveMark(mark));
    const path = join(dataDir, 'engine', 'disks', `${disk}.qcow2`);
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', `write -P ${mark} ${mark}M 1M`, path], {
      stdio: 'pipe',
    });
  },
});

const bases: Record<
  NonNullable<Scenario['has']> | 'nothing',
  (folder: string) => Promise<Furniture['base']>
> = {
  nothing: quickBase,
  agent: quickAgentBase,
  uefi: async (folder) => ({
    disk: await quickUefiDisk(folder),
    boot: { mode: 'uefi', tpm: true, stateCopy: 'all' },
  }),
};

/** `server`: the PostgreSQL that shall have the store; null: it is in the data directory. */
export async function prepare(
  t: Scope,
  scenario: Scenario,
  engine: EngineName,
  server: PostgresServer | null = null,
): Promise<Prepared> {
  const folder = await temporaryFolder(t);
  const place = await newPlace(join(folder, 'prepared'), server);
  const disk = join(folder, 'simulated.raw');
  await writeFile(disk, 'a simulated disk');
  const base =
    engine === 'qemu'
      ? await bases[scenario.has ?? 'nothing'](folder)
      : { disk, boot: { mode: 'bios' as const } };
  const titles = [11, 12, 13].map((mark) => ({ name: `Title ${mark}`, script: leaveMark(mark) }));
  // These two make the server remove things. The server that dies must do that, not this one.
  const {
    keepImageMs: _image,
    cacheBytesMax: _cache,
    ...settings
  } = settingsOf(scenario, engine, place);
  const running = await serve({ ...configOf(place, engine), settings });
  try {
    const furnished = await furnish(running, { base, titles, machines: 1 });
    await scenario.prepare(worldOf(running, place.dataDir, furnished));
    return { scenario, engine, folder, place, furnished };
  } finally {
    await running.close();
  }
}
