// The whole life of an image on an Incus cluster, in real containers, against a server in its own
// process.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { examine } from '../../src/reconcile/doctor.ts';
import { call } from '../call.ts';
import { temporaryFolder } from '../support.ts';
import { leftOutWithoutIncus, startIncus } from './cluster.ts';
import { startOnIncus } from './server.ts';

describe('a server on an Incus cluster', { skip: leftOutWithoutIncus }, () => {
  it('installs, assigns, starts, captures and undoes, and its machines keep running when it is killed', async (t) => {
    const folder = await temporaryFolder(t);
    const hello = join(folder, 'hello');
    await writeFile(hello, '#!/bin/sh\necho "Hello from hello!"\n');
    const { first: member } = await startIncus(t, { members: 2 });
    const title = {
      name: 'hello',
      script: 'cp hello /bin/hello && chmod 755 /bin/hello\n',
      files: [hello],
    };
    const broken = { name: 'Broken', script: 'echo going well\necho unobtainium >&2\nexit 3\n' };
    const s = await startOnIncus(t, member, [title, broken]);
    const [first = 0, second = 0] = s.machines;
    const [works = 0, fails = 0] = s.software;
    let at = Date.now();
    const lap = (what: string) => {
      t.diagnostic(`${what}: ${((Date.now() - at) / 1000).toFixed(1)} s`);
      at = Date.now();
    };
    // What others have in the project is left alone.
    const source = { type: 'none' };
    const foreign = `/1.0/instances?project=${s.project}`;
    const devices = { root: { type: 'disk', path: '/', pool: 'default' } };
    await member.api.call('POST', foreign, { json: { name: 'foreign', source, devices } });

    const built = (await s.client().imageInstall({ software_ids: [works] })).attributes.id;
    const image = await s.image(built);
    assert.equal(image.status, 'available', image.status_reason ?? '');
    lap('install one title');
    const again = (await s.client().imageInstall({ software_ids: [works] })).attributes.id;
    assert.equal((await s.image(again)).status, 'available');
    lap('the same list again');
    const failed = (await s.client().imageInstall({ software_ids: [fails] })).attributes.id;
    const { status_reason } = await s.image(failed);
    assert.match(status_reason ?? '', /Step 1, Broken, failed with exit status 3.*unobtainium/s);
    lap('a title that fails');

    await s.client().machineStart({ id: first });
    await s.machine(first, 'ready');
    lap('first start, from the base');
    const before = 'command -v hello || echo none; echo old > /root/before; cat /etc/machine-id';
    const [none, oldId = ''] = (await s.inside(first, before)).split('\n');
    assert.equal(none, 'none');
    assert.match(oldId, /^[0-9a-f]{32}$/);
    await s.client().imageAssign({ id: built, machine_ids: [first, second] });
    assert.equal((await s.machine(first, 'off')).assignment_pending, true);
    for (const id of [first, second]) await s.client().machineStart({ id });
    for (const id of [first, second]) await s.machine(id, 'ready');
    lap('start two machines on the image');
    for (const id of [first, second])
      assert.equal(await s.inside(id, 'hello'), 'Hello from hello!');
    assert.equal(await s.inside(first, 'ls /root/before 2>/dev/null || echo gone'), 'gone');
    assert.equal(await s.inside(first, 'cat /etc/hostname'), `machine-${first}`);
    const own = 'cat /etc/machine-id /var/lib/silversmith/identity; hostname';
    const identityOf = async (id: number) => (await s.inside(id, own)).split('\n');
    const identities = [...(await identityOf(first)), ...(await identityOf(second)), oldId];
    assert.equal(new Set(identities).size, 7, identities.join(' '));
    await s.inside(first, 'echo made inside > /root/note; sync');

    await s.kill();
    await s.start();
    assert.equal((await s.machine(first, 'ready')).friendly_status, 'ready');
    assert.deepEqual(await s.engine.runningMachines(call), new Set([first, second]));
    assert.equal(await s.inside(first, 'cat /root/note'), 'made inside');
    lap('kill -9 of the server, and its return');

    await s.client().machineStop({ id: first, gracefully: true });
    await s.client().machineStop({ id: second });
    for (const id of [first, second]) await s.machine(id, 'off');
    lap('stop both');
    const captured = (await s.client().imageCapture({ machine_id: first })).attributes.id;
    assert.equal((await s.image(captured)).status, 'available');
    lap('capture');
    await s.client().imageAssign({ id: captured, machine_ids: [second] });
    await s.client().machineStart({ id: second });
    await s.machine(second, 'ready');
    lap('start the other machine on the capture');
    const copied = await s.inside(second, 'cat /root/note; hostname; cat /etc/machine-id');
    assert.match(copied, new RegExp(`^made inside\nmachine-${second}\n[0-9a-f]{32}$`));
    assert.ok(!identities.includes(copied.split('\n')[2] ?? ''));
    await s.client().imageDelete({ id: captured });
    await s.client().imageDelete({ id: built });

    // The disk of before the assignment comes back, with its content and its identity.
    await s.client().machineRestore({ id: first });
    await s.client().machineStart({ id: first });
    await s.machine(first, 'ready');
    assert.equal(await s.inside(first, 'cat /root/before /etc/machine-id'), `old\n${oldId}`);
    lap('undo, and start on the kept disk');

    const { store, engine } = s;
    assert.deepEqual(await examine({ store, engine, clock: systemClock }), []);
    const all = await member.api.call('GET', `${foreign}&recursion=1`);
    const names = all.map((one: { name: string }) => one.name);
    assert.ok(names.includes('foreign'));
    assert.ok(!names.some((name: string) => name.startsWith('sm-build-')), names.join(' '));
    for (const id of [first, second]) await s.client().machineStop({ id });
    for (const id of [first, second]) await s.machine(id, 'off');
  });
});
