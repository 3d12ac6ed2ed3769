// Remains of attempts that died, and the calls of owners that are late, on a real Incus. Each
// engine here stands for one server: none knows what another one did.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import type { DiskId, JobId, LayerId, MachineId } from '../../src/domain/ids.ts';
import { openIncus } from '../../src/engine/incus/engine.ts';
import type { Call } from '../../src/engine/port/call.ts';
import { fileContent } from '../../src/lib/content.ts';
import { newId } from '../../src/lib/new-id.ts';
import { call } from '../call.ts';
import { machineOn } from '../contract/engine/world.ts';
import { defer, type Scope, waitFor } from '../support.ts';
import { leftOutWithoutIncus, startIncus } from './cluster.ts';
import { containerBase } from './member.ts';

const sizeBytes = 2 * 1024 ** 3;
const boot = { mode: 'bios' as const };
const claimed = (jobId: number, attempt: number): Call => ({
  ...call,
  token: { jobId: jobId as JobId, attempt },
});
const late = { code: 'unavailable', retry: 'later', message: /Another attempt has taken over/ };

async function world(t: Scope) {
  const { first } = await startIncus(t);
  const address = { urls: [`unix:${first.socketPath}`] };
  const installation = randomBytes(12).toString('hex');
  const open = async () => {
    const given = { address, installation, pool: null, profile: null };
    const engine = await openIncus({ ...given, project: 'ours' });
    defer(t, () => engine.close());
    return engine;
  };
  const [engine, other] = [await open(), await open()];
  const base = newId<LayerId>();
  await engine.importBase({ layerId: base, disk: await fileContent(await containerBase()) }, call);
  const api = (method: string, path: string, json?: object) =>
    first.api.call(method, `${path}?project=ours`, json ? { json } : {});
  return { engine, other, base, api, installation };
}

describe('the engine on Incus', { skip: leftOutWithoutIncus }, () => {
  it('refuses on every server the call of an owner that is late', async (t) => {
    const { engine, other, base } = await world(t);
    const [disk, layer] = [newId<DiskId>(), newId<LayerId>()];
    const spec = { diskId: disk, layerId: base, sizeBytes };
    await engine.ensureDisk(spec, claimed(21, 1));
    await other.ensureDisk(spec, claimed(21, 2));
    await assert.rejects(engine.removeDisk(disk, claimed(21, 1)), late);
    const seal = { diskId: disk, layerId: layer, sizeBytes };
    await assert.rejects(engine.sealDisk(seal, claimed(21, 1)), late);
    await other.sealDisk(seal, claimed(22, 1));
    await assert.rejects(engine.unsealDisk(seal, claimed(21, 2)), late);
    await assert.rejects(engine.removeLayer(layer, claimed(21, 2)), late);
    const machineId = 4 as MachineId;
    const machine = machineOn({ machineId, diskId: disk, boot, baseLayerId: base });
    await other.startMachine(machine, claimed(23, 1));
    await assert.rejects(engine.stopMachine({ machineId, graceMs: 0 }, claimed(22, 9)), late);
    const { layers, disks } = await engine.inventory(call);
    assert.ok(layers.has(layer) && disks.has(disk));
    assert.deepEqual(await engine.runningMachines(call), new Set([machineId]));
    // A call without a job is never late.
    await engine.stopMachine({ machineId, graceMs: 0 }, call);
    await engine.removeDisk(disk, call);
  });

  it('makes a disk again that was not made to its end, and starts a machine on it', async (t) => {
    const { engine, base, api, installation } = await world(t);
    const disk = newId<DiskId>();
    // A daemon that dies during a creation leaves an instance that looks whole.
    const config = { 'user.silversmith.installation': installation };
    const devices = { root: { type: 'disk', path: '/', pool: 'default' } };
    const json = { name: `sm-${disk}`, config, devices, source: { type: 'none' } };
    await api('POST', '/1.0/instances', json);
    await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes }, call);
    const machineId = 5 as MachineId;
    const machine = machineOn({ machineId, diskId: disk, boot, baseLayerId: base });
    await engine.startMachine(machine, call);
    const isReady = async () => (await engine.machineState(machineId, call)) === 'ready';
    await waitFor('the machine is ready', isReady, 60_000, 50);
    await engine.stopMachine({ machineId, graceMs: 0 }, call);
  });

  it('finishes a seal that died before its image had a name, and removes all images of a layer', async (t) => {
    const { engine, other, base, api, installation } = await world(t);
    const [disk, layer, dead] = [newId<DiskId>(), newId<LayerId>(), newId<LayerId>()];
    await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes }, call);
    const publish = (id: LayerId, mark: string) =>
      api('POST', '/1.0/images', {
        source: { type: 'instance', name: `sm-${disk}` },
        properties: {
          'silversmith.installation': installation,
          'silversmith.layer': id,
          description: mark,
        },
      });
    await publish(layer, 'by an attempt that died');
    const images = async (): Promise<number> => (await api('GET', '/1.0/images')).length;
    const before = await images();
    await other.sealDisk({ diskId: disk, layerId: layer, sizeBytes }, call);
    assert.equal(await images(), before);
    // The work of a dead attempt is listed, so that it is found and removed.
    await publish(dead, 'of a job that nobody knows');
    await publish(layer, 'by a late attempt');
    assert.ok((await engine.inventory(call)).layers.has(dead));
    for (const id of [dead, layer]) await engine.removeLayer(id, call);
    assert.equal((await api('GET', '/1.0/images')).length, 1);
    assert.deepEqual([...(await engine.inventory(call)).layers.keys()], [base]);
  });

  it('never changes or removes an instance that it did not make', async (t) => {
    const { engine, base, api } = await world(t);
    const disk = newId<DiskId>();
    const devices = { root: { type: 'disk', path: '/', pool: 'default' } };
    const json = { name: `sm-${disk}`, devices, source: { type: 'none' } };
    await api('POST', '/1.0/instances', json);
    const spec = { diskId: disk, layerId: base, sizeBytes };
    const foreign = { code: 'conflict', message: /not of this installation, so it is left alone/ };
    await assert.rejects(engine.ensureDisk(spec, call), foreign);
    await assert.rejects(engine.sealDisk({ ...spec, layerId: newId() }, call), foreign);
    await assert.rejects(engine.removeDisk(disk, call), foreign);
    assert.ok(!(await engine.inventory(call)).disks.has(disk));
    assert.equal((await api('GET', `/1.0/instances/sm-${disk}`)).status, 'Stopped');
  });
});
