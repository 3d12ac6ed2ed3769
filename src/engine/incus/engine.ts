// The Incus engine: an Incus cluster keeps layers as images and disks as instances, and places and
// runs the machines on its members. The engine belongs to the cluster and keeps nothing on the host
// of a server, so any server may do any job. Everything is in a project of its own.

import { Type } from 'typebox';
import { failedForNow } from '../../domain/error.ts';
import type { DiskId, LayerId } from '../../domain/ids.ts';
import { fenced } from '../fence.ts';
import type { Parts } from '../optional/parts.ts';
import type { Place } from '../optional/places.ts';
import type { Call } from '../port/call.ts';
import { withoutJob } from '../port/call.ts';
import type { Engine, Inventory } from '../port/engine.ts';
import type { IncusAddress } from './address.ts';
import { FullInstance } from './answer.ts';
import { importBase, importFile } from './base.ts';
import { buildLayer, removeBuild } from './build.ts';
import { IncusClient } from './client.ts';
import { capacityOf, membersOf } from './cluster.ts';
import { type Incus, idIn } from './context.ts';
import { disksIn } from './disk.ts';
import { NoConnection } from './error.ts';
import { listAliases, removeLayerImage } from './image.ts';
import { isLost, listInstances } from './instance.ts';
import { Machines } from './machine.ts';
import { Operations } from './operation.ts';
import { assertServer, cardsOf, ensureProject, findPool } from './project.ts';

interface IncusOptions {
  address: IncusAddress;
  /** The id of the installation, with which everything is marked. */
  installation: string;
  /** Null: a name that follows from the installation. */
  project: string | null;
  /** Null: the only pool. */
  pool: string | null;
  /** Null: machines have no network. */
  profile: string | null;
}

type IncusParts = Pick<Parts, 'console' | 'exec' | 'places'>;

/**
 * Connects to a cluster, and makes the project when it is missing. Throws `unavailable` with a
 * remedy when the cluster cannot be used, and `conflict` when the project is not ours.
 */
export async function openIncus(options: IncusOptions): Promise<Engine & IncusParts> {
  const { address, installation, profile } = options;
  const project = options.project ?? `silversmith-${installation.slice(0, 12)}`;
  const client = new IncusClient(address, project);
  const prepare = async ({ signal }: Call) => {
    await assertServer(client, signal);
    await ensureProject(client, installation, signal);
    await cardsOf(client, profile, signal);
    return findPool(client, options.pool, signal);
  };
  const pool = await prepare(withoutJob()).catch((error) => {
    client.close();
    throw error instanceof NoConnection ? failedForNow(error.remedy, { cause: error }) : error;
  });
  const operations = new Operations(client);
  const incus: Incus = { client, operations, installation, pool, profile };
  const machines = new Machines(incus);
  return fenced<IncusParts>({
    name: 'incus',
    ...disksIn(incus),
    importBase: (spec, call) => importBase(incus, spec, call),
    async removeLayer(layerId, call) {
      await removeBuild(incus, layerId, call);
      await removeLayerImage(incus, layerId, call);
    },
    importFile: (spec, call) => importFile(incus, spec, call),
    buildLayer: (spec, call) => buildLayer(incus, spec, call),
    async startMachine(spec, call) {
      await machines.start(spec, call);
      return { how: 'cold', because: null };
    },
    machineState: (id, { signal }) => machines.state(id, signal),
    stopMachine: (spec, call) => machines.stop(spec, call),
    runningMachines: ({ signal }) => machines.running(signal),
    async check(call) {
      await prepare(call);
      return capacityOf(incus, call.signal);
    },
    inventory: ({ signal }) => inventoryOf(incus, signal),
    async close() {
      await machines.close();
      operations.close();
      client.close();
    },
    console: {
      read: (id, { signal }) => machines.console(id, signal),
      open: (id, { signal }) => machines.openConsole(id, signal),
    },
    exec: { run: (spec, { signal }) => machines.exec(spec, signal) },
    places: {
      async members({ signal }) {
        const found = [...(await membersOf(incus, signal))];
        return found.sort().map(([name, answers]) => ({ name, answers }));
      },
      ofDisks: ({ signal }) => placesOf(incus, signal),
    },
  });
}

/** The name of a server that is in no cluster. */
const noMember = 'none';

async function placesOf(incus: Incus, signal: AbortSignal): Promise<Map<DiskId, Place>> {
  const found = new Map<DiskId, Place>();
  for (const instance of await listInstances(incus, signal)) {
    const id = idIn<DiskId>(instance.name, 'sm-');
    if (id !== null && instance.location !== noMember)
      found.set(id, { host: instance.location, answers: !isLost(instance) });
  }
  return found;
}

async function inventoryOf(incus: Incus, signal: AbortSignal): Promise<Inventory> {
  const [layers, files] = [new Map<LayerId, number>(), new Set<string>()];
  for (const [alias, { size }] of await listAliases(incus, signal)) {
    const [layer, file] = [idIn<LayerId>(alias, 'layer-'), idIn<string>(alias, 'file-')];
    if (layer !== null) layers.set(layer, size);
    if (file !== null) files.add(file);
  }
  const ours = new Set((await listInstances(incus, signal)).map(({ name }) => name));
  const { value } = await incus.client.get(Type.Array(FullInstance), '/1.0/instances', signal, {
    recursion: '2',
  });
  const disks = new Map<DiskId, number>();
  for (const { name, state } of value) {
    const [build, disk] = [idIn<LayerId>(name, 'sm-build-'), idIn<DiskId>(name, 'sm-')];
    if (disk === null || !ours.has(name)) continue;
    const bytes = state?.disk?.root?.usage ?? 0;
    // A build machine that a dead server left behind is a part of its layer, which removes it.
    if (build === null) disks.set(disk, bytes);
    else if (!layers.has(build)) layers.set(build, bytes);
  }
  return { layers, disks, files, capacity: await capacityOf(incus, signal) };
}
