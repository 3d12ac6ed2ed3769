// Machines on a cluster of several members: they are placed, shown where they are, and kept when a
// member is away.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import type { DiskId, LayerId, MachineId } from '../../src/domain/ids.ts';
import { openIncus } from '../../src/engine/incus/engine.ts';
import { fileContent } from '../../src/lib/content.ts';
import { newId } from '../../src/lib/new-id.ts';
import { call } from '../call.ts';
import { machineOn } from '../contract/engine/world.ts';
import { defer, waitFor } from '../support.ts';
import {
  answerOf,
  clientCertificate,
  leftOutWithoutIncus,
  startIncus,
  statesAre,
  trustClient,
} from './cluster.ts';
import { containerBase } from './member.ts';

const sizeBytes = 2 * 1024 ** 3;
const readyMs = 60_000;
const boot = { mode: 'bios' as const };

describe('an engine on a cluster of two members', { skip: leftOutWithoutIncus }, () => {
  it('places machines in their regions, and tells the members that do not answer', async (t) => {
    const { first, members, folder } = await startIncus(t, { members: 2 });
    const [, two = first] = members;
    const client = clientCertificate(folder, 'client');
    await trustClient(first, client);
    const { key, certificate } = client;
    const { serverCertificate } = first;
    const address = { urls: members.map(({ url }) => url), key, certificate, serverCertificate };
    const given = { installation: randomBytes(12).toString('hex'), pool: null, profile: null };
    const engine = await openIncus({ ...given, address, project: 'ours' });
    defer(t, () => engine.close());

    const base = newId<LayerId>();
    const disk = await fileContent(await containerBase());
    await engine.importBase({ layerId: base, disk }, call);
    await first.api.call('POST', '/1.0/cluster/groups', { json: { name: 'north' } });
    const roles = {
      groups: ['default', 'north'],
      failure_domain: 'default',
      roles: [],
      config: {},
    };
    await first.api.call('PUT', '/1.0/cluster/members/two', { json: roles });
    const disks = new Map<string, DiskId>();
    for (const region of ['one', 'two', 'north']) {
      const diskId = newId<DiskId>();
      disks.set(region, diskId);
      await engine.ensureDisk({ diskId, layerId: base, sizeBytes, region }, call);
    }
    const nowhere = { diskId: newId<DiskId>(), layerId: base, sizeBytes, region: 'dublin' };
    await assert.rejects(engine.ensureDisk(nowhere, call), {
      retry: 'never',
      message: /The region dublin is no group and no member of the cluster/,
    });
    const places = async () => {
      const found = await engine.places?.ofDisks(call);
      return [...disks.values()].map((id) => {
        const { host, answers } = found?.get(id) ?? {};
        return `${host} ${answers}`;
      });
    };
    assert.deepEqual(await places(), ['one true', 'two true', 'two true']);

    const [here, there] = [1 as MachineId, 2 as MachineId];
    for (const [machineId, region] of [
      [here, 'one'],
      [there, 'two'],
    ] as const) {
      const diskId = disks.get(region) ?? newId<DiskId>();
      await engine.startMachine(machineOn({ machineId, diskId, boot, baseLayerId: base }), call);
      const isReady = async () => (await engine.machineState(machineId, call)) === 'ready';
      await waitFor(`machine ${machineId} is ready`, isReady, readyMs, 100);
    }

    await two.kill();
    assert.deepEqual(await engine.runningMachines(call), new Set([here]));
    assert.deepEqual(await places(), ['one true', 'two false', 'two false']);
    const lost = { machineId: there, graceMs: 0, diskId: disks.get('two') ?? null };
    await assert.rejects(engine.stopMachine(lost, call), { code: 'unavailable', retry: 'later' });
    const said = await engine.exec?.run({ machineId: here, command: ['/bin/echo', 'on'] }, call);
    assert.equal(said?.stdout, 'on\n');
    // Without a region the cluster makes a disk where a member answers.
    const anywhere = newId<DiskId>();
    await engine.ensureDisk({ diskId: anywhere, layerId: base, sizeBytes }, call);
    assert.equal((await engine.places?.ofDisks(call))?.get(anywhere)?.host, 'one');

    await two.start();
    await statesAre(first, { one: 'Online', two: 'Online' });
    await waitFor('the places of all disks answer', async () =>
      (await answerOf('the places', places)).every((place) => place.endsWith(' true')),
    );
    assert.deepEqual(await places(), ['one true', 'two true', 'two true']);
    // Its power was cut, so what ran there is off, as on any host.
    const state = () => engine.machineState(there, call);
    assert.equal(await answerOf('the machine on the member that is back', state), 'off');
    const stop = () => engine.stopMachine({ machineId: here, graceMs: 0 }, call);
    await answerOf('the stop of the other machine', stop);
  });
});
