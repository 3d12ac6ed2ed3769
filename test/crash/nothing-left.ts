// The final check of a data directory without a server: rows, files and processes must agree, and
// every file and process must belong to a row.

import assert from 'node:assert/strict';
import { realpathSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from '../../src/domain/machine.ts';
import { findProcesses, processesIn } from '../../src/engine/qemu/process.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { examine } from '../../src/reconcile/doctor.ts';
import { openEngine, openExistingStore } from '../../src/server/open.ts';
import { call } from '../call.ts';
import type { Place } from './place.ts';
import { configOf } from './preparation.ts';
import type { EngineName } from './scenario.ts';

/** The processes of QEMU that run in a data directory. */
export const processesOf = (dataDir: string) =>
  findProcesses(processesIn(join(realpathSync(dataDir), 'engine')));

/** Checks, then stops the machines that are on. Throws when something does not agree. */
export async function assertNothingLeft(place: Place, name: EngineName): Promise<void> {
  const { dataDir } = place;
  const config = configOf(place, name);
  const { store } = await openExistingStore(config);
  const engine = await openEngine(config);
  try {
    const known = await store.read('system', async (work) => ({
      orphans: await work.host.orphans(),
      layers: await work.layers.ids(),
      disks: await work.disks.ids(),
      machines: await work.machines.all(),
    }));
    assert.deepEqual(known.orphans, []);
    const kept = await engine.inventory(call);
    assert.deepEqual([...kept.layers.keys()].sort(), known.layers.sort());
    assert.deepEqual([...kept.disks.keys()].sort(), known.disks.sort());
    // The data directory was prepared once for all steps. When that was long ago, the server does
    // not trust its clock yet; the doctor says so, and it is no fault.
    const findings = await examine({ store, engine, clock: systemClock });
    assert.deepEqual(
      findings.filter(({ subject }) => subject !== 'the removal of what was kept for a time'),
      [],
    );
    for (const machine of known.machines)
      assert.ok(['off', 'ready'].includes(machine.status), machine.status);
    const on = known.machines.filter((machine) => machine.status === 'ready').map(({ id }) => id);
    assert.deepEqual([...(await engine.runningMachines(call))], on);
    if (name === 'qemu') await assertFoldersClean(dataDir, on);
  } finally {
    for (const machineId of await engine.runningMachines(call))
      await engine.stopMachine({ machineId, graceMs: 0 }, call);
    await engine.close();
    await store.close();
  }
}

/**
 * The folders of the QEMU engine hold only what the machines that are `on` need, and whole files.
 */
async function assertFoldersClean(dataDir: string, on: readonly Machine['id'][]): Promise<void> {
  const names = async (folder: string) => (await readdir(join(dataDir, 'engine', folder))).sort();
  const guests = on.map((id) => `machine-${id}`);
  assert.deepEqual(await names('builds'), []);
  assert.deepEqual(await names('machines'), on.map(String));
  assert.deepEqual(await names('run'), guests);
  for (const folder of ['layers', 'disks'])
    assert.deepEqual(
      (await names(folder)).filter(
        (one) => !/^[0-9a-f]+\.(qcow2|vmlinuz|initrd|vars|tpm)$/.test(one),
      ),
      [],
    );
  assert.deepEqual(
    (await processesOf(dataDir)).map((one) => one.name.replace(/.*-(?=machine|build)/, '')),
    guests,
  );
}
