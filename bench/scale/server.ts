// A server in this process on a filled store: the HTTP server, the reconciler and the simulator,
// which has the disks, layers and machines that the store names.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keyCreate } from '../../src/app/operator/key.ts';
import type { OrganisationId } from '../../src/domain/ids.ts';
import { permissions } from '../../src/domain/key.ts';
import { openSimulator } from '../../src/engine/simulator/engine.ts';
import type { State } from '../../src/engine/simulator/state.ts';
import { stateFileIn } from '../../src/engine/simulator/state.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { masterKeyFile } from '../../src/lib/master-key.ts';
import { signingKeyFile } from '../../src/lib/signing-key.ts';
import { buildService } from '../../src/server/service.ts';
import type { Store } from '../../src/store/port/unit-of-work.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { requestsTo } from '../../test/http/requests.ts';
import { operatorOn } from '../../test/operator.ts';
import { defer, type Scope } from '../../test/support.ts';

/** The largest organisation of the filled database. */
export const largest = 1 as OrganisationId;

export type Server = Awaited<ReturnType<typeof startServer>>;

/** Runs a query on the filled store. */
export type Query = (text: string) => Promise<Record<string, unknown>[]>;

/** Writes the simulator's file for the rows of a store. */
export async function writeSimulator(query: Query, folder: string): Promise<void> {
  const state: State = { layers: {}, disks: {}, machines: {}, files: {}, templates: {} };
  const rows = async <Row>(text: string) => (await query(text)) as Row[];
  for (const { id, parent } of await rows<{ id: string; parent: string | null }>(
    'select id, parent_id as parent from layer',
  ))
    state.layers[id] = { parent, content: ['x'], virtualBytes: 2 ** 31 };
  for (const { id, layer } of await rows<{ id: string; layer: string }>(
    'select id, layer_id as layer from disk',
  ))
    state.disks[id] = { layer, content: [], sizeBytes: 2 ** 34 };
  for (const { id, disk } of await rows<{ id: number; disk: string }>(
    "select cast(id as integer) as id, disk_id as disk from machine where status = 'ready'",
  ))
    state.machines[id] = { disk, name: `machine ${id}`, readyAt: 0 };
  await mkdir(folder, { recursive: true });
  await writeFile(stateFileIn(folder), JSON.stringify(state));
}

/** Starts a server that claims no job by itself; `simulator` is the folder of the engine's file. */
export async function startServer(t: Scope, url: string, dataDir: string, simulator: string) {
  const store = await openPostgres({ url });
  defer(t, () => store.close());
  return serverOn(t, store, store.clock, { dataDir, simulator });
}

/** The same on a store that is open. */
export async function serverOn(
  t: Scope,
  store: Store,
  clock: Clock,
  { dataDir, simulator }: { dataDir: string; simulator: string },
) {
  await mkdir(join(dataDir, 'transfers'), { recursive: true });
  const masterKey = await masterKeyFile(join(dataDir, 'master.key'));
  const signer = await signingKeyFile(join(dataDir, 'signing.key'), join(dataDir, 'trusted.keys'));
  const engine = await openSimulator({ root: simulator, clock, speed: 0 });
  const service = buildService({
    ...{ dataDir, store, engine, masterKey, signer, clock, logLevel: 'silent' },
    settings: { lookAgainMs: 0, collectDelayMs: 0 },
  });
  await service.app.ready();
  defer(t, () => service.close());
  const keyOf = (organisation: OrganisationId) =>
    keyCreate(operatorOn(store), masterKey, { organisation, name: 'bench', permissions });
  const ours = await keyOf(largest);
  const { sendRaw } = requestsTo(service.app, clock, ours);
  return { store, engine, service, keyOf, sendRaw };
}
