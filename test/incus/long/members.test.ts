// A server on a cluster whose members die and come back. The machines of the other members go on,
// those of a dead member are reported, and all is right when it is back.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { waitFor } from '../../support.ts';
import {
  clientCertificate,
  leftOutWithoutIncus,
  startIncus,
  statesAre,
  trustClient,
} from '../cluster.ts';
import type { IncusMember } from '../member.ts';
import { laps, startOnIncus } from '../server.ts';

const note = { name: 'Note', script: 'echo built > /root/note\n' };
const more = { name: 'More', script: 'echo more >> /root/note\n' };

type Server = Awaited<ReturnType<typeof startOnIncus>>;

async function build(s: Server, titles: readonly number[]): Promise<number> {
  const { id } = (await s.client().imageInstall({ software_ids: [...titles] })).attributes;
  const image = await s.image(id);
  assert.equal(image.status, 'available', image.status_reason ?? '');
  return id;
}

/**
 * Starts a machine whose member is back. The other members may take some seconds longer than the
 * attempts of a start to reach it; the machine is off again then, and its reason says to try again.
 */
const startAgain = ({ client }: Server, id: number) =>
  waitFor(
    `machine ${id} is ready again`,
    async () => {
      const { attributes } = await client().machineGet({ id });
      const { friendly_status: status, status_reason: reason } = attributes;
      if (status === 'off' && !/went off by itself/.test(reason ?? ''))
        assert.match(reason ?? '', /does not answer; try again/);
      if (status === 'off') await client().machineStart({ id });
      return status === 'ready';
    },
    60_000,
    500,
  );

describe('a server on an Incus cluster', { skip: leftOutWithoutIncus }, () => {
  it('runs machines of one image on both members, and goes on with one when the other dies', async (t) => {
    const { first: one, members, folder } = await startIncus(t, { members: 2 });
    const [, two = one] = members;
    const s = await startOnIncus(t, one, [note, more]);
    const [here = 0, there = 0] = s.machines;
    const [first = 0, second = 0] = s.software;
    const lap = laps(t);
    const built = await build(s, [first]);
    lap('build an image');
    // Incus has copied the image to the other member before it is available, so that a wave of
    // starts there does not wait for it.
    const images = ({ name }: IncusMember) =>
      readdirSync(join(folder, name, 'incus/images')).sort();
    assert.deepEqual(images(one), images(two));
    assert.equal(images(one).length, 2);
    await s.client().imageAssign({ id: built, machine_ids: [here, there] });
    await s.client().machineStart({ id: here, region: 'one' });
    await s.client().machineStart({ id: there, region: 'two' });
    for (const id of [here, there]) await s.machine(id, 'ready');
    lap('start a machine on each member');
    assert.deepEqual([await s.membersOf(here), await s.membersOf(there)], [['one'], ['two']]);
    for (const id of [here, there]) assert.equal(await s.inside(id, 'cat /root/note'), 'built');

    await two.kill();
    await s.says(there, 'warming_up', /host two does not answer/);
    lap('member two dies; its machine is reported');
    const [finding, ...others] = await s.findings();
    assert.equal(finding?.subject, `machine ${there}`);
    assert.match(finding?.found ?? '', /host two, which does not answer/);
    assert.deepEqual(others, []);
    await s.says(here, 'ready', null);
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
    await s.says(there, 'off', /went off by itself/);
    lap('member two is back');
    await startAgain(s, there);
    assert.equal(await s.inside(there, 'cat /root/note'), 'built');
    assert.deepEqual(await s.membersOf(there), ['two']);
    assert.deepEqual(await s.findings(), []);
    lap('its machine is started again');
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
    await s.says(first, 'warming_up', /host one does not answer/);
    await s.client().machineStop({ id: second });
    await s.machine(second, 'off');
    await s.client().imageAssign({ id: built, machine_ids: [second] });
    await s.client().machineStart({ id: second });
    await s.machine(second, 'ready');
    lap('a machine is started on it');
    await one.start();
    await statesAre(two, { one: 'Online', two: 'Online', three: 'Online' });
    await s.says(first, 'off', /went off by itself/);
    await startAgain(s, first);
    assert.deepEqual(await s.findings(), []);
    lap('the old leader is back, and its machine is started again');
  });
});
