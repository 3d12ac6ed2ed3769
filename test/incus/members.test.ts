// A server on a cluster whose members die and come back. The machines of the other members go on,
// those of a dead member are reported, and all is right when it is back.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { examine } from '../../src/reconcile/doctor.ts';
import { waitFor } from '../support.ts';
import {
  clientCertificate,
  leftOutWithoutIncus,
  startIncus,
  statesAre,
  trustClient,
} from './cluster.ts';
import { startOnIncus } from './server.ts';

const note = { name: 'Note', script: 'echo built > /root/note\n' };
const more = { name: 'More', script: 'echo more >> /root/note\n' };
type Server = Awaited<ReturnType<typeof startOnIncus>>;

/** Prints how long each part of a run took. */
function laps(t: TestContext) {
  let at = Date.now();
  return (what: string) => {
    t.diagnostic(`${what}: ${((Date.now() - at) / 1000).toFixed(1)} s`);
    at = Date.now();
  };
}

async function build(s: Server, titles: readonly number[]): Promise<number> {
  const { id } = (await s.client().imageInstall({ software_ids: [...titles] })).attributes;
  const image = await s.image(id);
  assert.equal(image.status, 'available', image.status_reason ?? '');
  return id;
}

/** Waits until the API says this of a machine. */
const machineSays = (s: Server, id: number, status: string, reason: RegExp | null) =>
  waitFor(
    `machine ${id} is ${status}, because ${reason}`,
    async () => {
      const { attributes } = await s.client().machineGet({ id });
      const { friendly_status, status_reason } = attributes;
      if (friendly_status !== status) return false;
      return reason === null ? status_reason === null : reason.test(status_reason ?? '');
    },
    60_000,
    100,
  );

const found = ({ store, engine }: Server) => examine({ store, engine, clock: systemClock });

describe('a server on an Incus cluster', { skip: leftOutWithoutIncus }, () => {
  it('runs machines of one image on both members, and goes on with one when the other dies', async (t) => {
    const { first: one, members } = await startIncus(t, { members: 2 });
    const [, two = one] = members;
    const s = await startOnIncus(t, one, [note, more]);
    const [here = 0, there = 0] = s.machines;
    const [first = 0, second = 0] = s.software;
    const lap = laps(t);
    const built = await build(s, [first]);
    lap('build an image');
    await s.client().imageAssign({ id: built, machine_ids: [here, there] });
    await s.client().machineStart({ id: here, region: 'one' });
    await s.client().machineStart({ id: there, region: 'two' });
    for (const id of [here, there]) await s.machine(id, 'ready');
    lap('start a machine on each member');
    assert.deepEqual([await s.membersOf(here), await s.membersOf(there)], [['one'], ['two']]);
    for (const id of [here, there]) assert.equal(await s.inside(id, 'cat /root/note'), 'built');

    await two.kill();
    await machineSays(s, there, 'warming_up', /host two does not answer/);
    lap('member two dies; its machine is reported');
    const [finding, ...others] = await found(s);
    assert.equal(finding?.subject, `machine ${there}`);
    assert.match(finding?.found ?? '', /host two, which does not answer/);
    assert.deepEqual(others, []);
    await machineSays(s, here, 'ready', null);
    assert.equal(await s.inside(here, 'hostname'), `machine-${here}`);
    // The work of others is done by the member that is left.
    const longer = await build(s, [first, second]);
    lap('build another image without it');
    await s.client().machineStop({ id: here });
    await s.machine(here, 'off');
    await s.client().imageAssign({ id: longer, machine_ids: [here] });
    await s.client().machineStart({ id: here });
    await s.machine(here, 'ready');
    assert.equal(await s.inside(here, 'cat /root/note'), 'built\nmore');
    lap('stop a machine, and start it on that image');

    await two.start();
    await statesAre(one, { one: 'Online', two: 'Online' });
    // Its power was cut, so its machine is off.
    await machineSays(s, there, 'off', /went off by itself/);
    lap('member two is back');
    await s.client().machineStart({ id: there });
    await s.machine(there, 'ready');
    assert.equal(await s.inside(there, 'cat /root/note'), 'built');
    assert.deepEqual(await s.membersOf(there), ['two']);
    assert.deepEqual(await found(s), []);
    lap('its machine is started again');
  });

  it('shows a machine of a member that is cut off as it was, and as it is afterwards', async (t) => {
    const { first: one, network } = await startIncus(t, { members: 2, ownNetwork: true });
    const s = await startOnIncus(t, one, []);
    const [here = 0, there = 0] = s.machines;
    await s.client().machineStart({ id: here, region: 'one' });
    await s.client().machineStart({ id: there, region: 'two' });
    for (const id of [here, there]) await s.machine(id, 'ready');
    const lap = laps(t);
    network?.cut('two');
    await machineSays(s, there, 'warming_up', /host two does not answer/);
    lap('member two is cut off; its machine is reported');
    await machineSays(s, here, 'ready', null);
    network?.mend('two');
    await machineSays(s, there, 'ready', null);
    lap('member two is reached again; its machine ran on');
    assert.deepEqual(await s.membersOf(there), ['two']);
    assert.deepEqual(await found(s), []);
  });

  it('goes on with the members that are left when the leader dies', async (t) => {
    const { first: one, members, folder } = await startIncus(t, { members: 3 });
    const client = clientCertificate(folder, 'client');
    await trustClient(one, client);
    const incusServerCertificate = join(folder, 'cluster.crt');
    await writeFile(incusServerCertificate, one.serverCertificate);
    const [, two = one] = members;
    const s = await startOnIncus(t, two, [note], {
      incusUrl: members.map(({ url }) => url).join(','),
      incusClientCertificate: client.certificateFile,
      incusClientKey: client.keyFile,
      incusServerCertificate,
    });
    const [first = 0, second = 0] = s.machines;
    await s.client().machineStart({ id: first, region: 'one' });
    await s.client().machineStart({ id: second, region: 'two' });
    for (const id of [first, second]) await s.machine(id, 'ready');
    // A new member gets its vote within some seconds.
    const voters = async () => {
      const all: { roles: string[] }[] = await one.api.call(
        'GET',
        '/1.0/cluster/members?recursion=1',
      );
      return all.every(({ roles }) => roles.includes('database'));
    };
    await waitFor('all members have a vote', voters, 60_000, 100);
    const lap = laps(t);
    await one.kill();
    const built = await build(s, s.software);
    lap('the leader dies; an image is built');
    await machineSays(s, first, 'warming_up', /host one does not answer/);
    await s.client().machineStop({ id: second });
    await s.machine(second, 'off');
    await s.client().imageAssign({ id: built, machine_ids: [second] });
    await s.client().machineStart({ id: second });
    await s.machine(second, 'ready');
    lap('a machine is started on it');
    await one.start();
    await machineSays(s, first, 'off', /went off by itself/);
    await s.client().machineStart({ id: first });
    await s.machine(first, 'ready');
    assert.deepEqual(await found(s), []);
    lap('the old leader is back, and its machine is started again');
  });
});
