// The fleet: many machines that are assigned in one request, and started at once.

import { machinePermissionDefaults } from '../../src/domain/machine.ts';
import type { Writer } from '../../src/store/port/unit-of-work.ts';
import { waitFor } from '../support.ts';
import type { LoadAnswer } from './client.ts';
import { atRest, type UnderLoad } from './load.ts';

export interface FleetResult {
  assignMs: number;
  /** From the first start until every machine was ready. */
  readyMs: number;
  /** The largest number of machines that were starting at once. */
  startingMost: number;
  /** How long reads took meanwhile, in ms. */
  reads: number[];
  errors: string[];
}

/** Assigns one image to `count` new machines in one request, and then starts each of them. */
export async function runFleet(on: UnderLoad, count: number): Promise<FleetResult> {
  const ids = await on.withStore((store) =>
    store.write('system', (work) => addMachines(work, count)),
  );
  const built = await on.ask({
    name: 'imageInstall',
    body: { software_ids: [1], name: `fleet of ${count}` },
  });
  const id = Number(built.body.attributes.id);
  await atRest(on);
  const errors: string[] = [];
  const expect = ({ status, body, ms }: LoadAnswer) => {
    if (status !== 200) errors.push(`${status} ${JSON.stringify(body).slice(0, 200)}`);
    return ms;
  };
  const assignMs = expect(await on.ask({ name: 'imageAssign', id, body: { machine_ids: ids } }));
  const begun = performance.now();
  for (const answered of await Promise.all(
    ids.map((machine) => on.ask({ name: 'machineStart', id: machine })),
  ))
    expect(answered);
  const reads: number[] = [];
  let startingMost = 0;
  await on.withStore((store) =>
    waitFor(
      `${count} machines are ready`,
      async () => {
        reads.push(expect(await on.ask({ name: 'imageList', query: '?per_page=20' })));
        const open = await store.read('system', (work) => work.jobs.open(2 * count));
        startingMost = Math.max(
          startingMost,
          open.filter(({ kind, state }) => kind === 'machineStart' && state === 'running').length,
        );
        return open.length === 0;
      },
      120_000 + count * 100,
      20,
    ),
  );
  const readyMs = performance.now() - begun;
  const ready = await on.withStore((store) =>
    store.read('system', (work) => work.machines.ready()),
  );
  const notReady = new Set<number>(ids).difference(new Set<number>(ready.map(({ id }) => id))).size;
  if (notReady > 0) errors.push(`${notReady} machines are not ready`);
  return { assignMs, readyMs, startingMost, reads, errors };
}

export async function addMachines(work: Writer, count: number): Promise<number[]> {
  const [organisation] = await work.organisations.list();
  const [type] = await work.machineTypes.list();
  if (!organisation || !type) throw new Error('the demo has no organisation or machine type');
  const { id: machineTypeId, code: machineType, cpus, memoryMb, diskSizeGb } = type;
  const size = { machineTypeId, machineType, cpus, memoryMb, diskSizeGb, region: null };
  const more = {
    permissions: machinePermissionDefaults,
    assignedImageId: null,
    organisationId: organisation.id,
  };
  const ids: number[] = [];
  for (let index = 0; index < count; index++)
    ids.push((await work.machines.add({ ...size, ...more })).id);
  return ids;
}
