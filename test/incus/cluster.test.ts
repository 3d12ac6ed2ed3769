// Tests that the Incus of the tests is a real cluster: it runs containers on each member, loses
// members and gets them back.

import assert from 'node:assert/strict';
import { get } from 'node:https';
import { describe, it } from 'node:test';
import {
  clientCertificate,
  leftOutWithoutIncus,
  startIncus,
  statesAre,
  trustClient,
} from './cluster.ts';
import { containerBase } from './member.ts';

describe('an Incus cluster of two members', { skip: leftOutWithoutIncus }, () => {
  it('runs containers on both, and answers a trusted client over TLS', async (t) => {
    const { first, members, folder } = await startIncus(t, { members: 2 });
    await first.api.importImage(await containerBase(), 'base');
    for (const { name } of members) await first.api.launch(`on-${name}`, 'base', name);
    const all = await first.api.call('GET', '/1.0/instances?recursion=1');
    assert.deepEqual(
      all.map((one: { location: string; status: string }) => [one.location, one.status]).sort(),
      [
        ['one', 'Running'],
        ['two', 'Running'],
      ],
    );
    const client = clientCertificate(folder, 'client');
    await trustClient(first, client);
    for (const { url, serverCertificate } of members) {
      const { key, certificate: cert } = client;
      const options = { key, cert, ca: serverCertificate, agent: false };
      const body = await new Promise<string>((resolve, reject) => {
        const checkServerIdentity = () => undefined;
        get(`${url}/1.0`, { ...options, checkServerIdentity }, async (response) => {
          resolve(Buffer.concat(await response.toArray()).toString());
        }).on('error', reject);
      });
      assert.equal(JSON.parse(body).metadata.auth, 'trusted');
    }
    const [, two] = members;
    await two?.kill();
    await statesAre(first, { one: 'Online', two: 'Offline' });
    await two?.start();
    await statesAre(first, { one: 'Online', two: 'Online' });
  });
});
