// The whole life of an image, on real disks and machines, against a server in its own process. The
// deaths of a server within a build are in test/crash, and builds that fail in fault.test.ts.

import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { describe, it } from 'node:test';
import type { LayerId } from '../../src/domain/ids.ts';
import { call } from '../call.ts';
import { debianPackage, startServer } from './server.ts';

describe('a server on real disks', () => {
  it('installs, assigns, starts and captures, and its machines keep running when it is killed', async (t) => {
    const hello = await debianPackage(t, 'hello');
    const s = await startServer(t, [
      { name: 'hello', script: `dpkg -i ${basename(hello)}\n`, files: [hello] },
    ]);
    const [first = 0, second = 0] = s.machines;
    let at = Date.now();
    const lap = (what: string) => {
      t.diagnostic(`${what}: ${((Date.now() - at) / 1000).toFixed(1)} s`);
      at = Date.now();
    };

    const built = await s.client().imageInstall({ software_ids: s.software });
    assert.equal((await s.image(built.attributes.id)).status, 'available');
    lap('install one package');
    const again = await s.client().imageInstall({ software_ids: s.software });
    assert.equal((await s.image(again.attributes.id)).status, 'available');
    lap('the same list again');

    // Before the assignment the first machine has its own disk, with a file that must disappear.
    await s.client().machineStart({ id: first });
    await s.machine(first, 'ready');
    lap('first start, from the base');
    assert.equal(
      await s.inside(first, 'command -v hello || echo none; echo old > /root/before; sync'),
      'none',
    );
    await s.client().imageAssign({ id: built.attributes.id, machine_ids: [first, second] });
    assert.equal((await s.machine(first, 'off')).assignment_pending, true);
    lap('assign, which stops the machine');

    await s.client().machineStart({ id: first });
    await s.client().machineStart({ id: second });
    await s.machine(first, 'ready');
    await s.machine(second, 'ready');
    lap('start two machines on the image');
    for (const id of [first, second])
      assert.match(await s.inside(id, 'hello'), /Hello from hello!/);
    assert.equal(await s.inside(first, 'ls /root/before 2>/dev/null || echo gone'), 'gone');
    assert.equal(await s.inside(first, 'hostname'), `machine-${first}`);
    // Two machines of one image share no value that must be unique.
    const own =
      'cat /etc/machine-id; cat /sys/class/dmi/id/product_uuid /var/lib/silversmith/identity; sha256sum </var/lib/systemd/random-seed; hostname';
    const identityOf = async (id: number) => (await s.inside(id, own)).split('\n');
    const identities = [...(await identityOf(first)), ...(await identityOf(second))];
    assert.equal(new Set(identities).size, 10, identities.join(' '));
    assert.equal(await s.inside(first, 'df --output=size -BG / | tail -n 1 | tr -d " "'), '10G');
    await s.inside(first, 'echo made inside > /root/note; sync');

    await s.kill();
    await s.start();
    assert.equal((await s.machine(first, 'ready')).friendly_status, 'ready');
    assert.deepEqual(await s.engine.runningMachines(call), new Set([first, second]));
    assert.equal(await s.inside(first, 'cat /root/note'), 'made inside');
    lap('kill -9 of the server, and its return');

    await s.client().machineStop({ id: first, gracefully: true });
    await s.client().machineStop({ id: second });
    await s.machine(first, 'off');
    await s.machine(second, 'off');
    lap('stop both');
    const captured = await s.client().imageCapture({ machine_id: first });
    assert.equal((await s.image(captured.attributes.id)).status, 'available');
    lap('capture');
    await s.client().imageAssign({ id: captured.attributes.id, machine_ids: [second] });
    await s.client().machineStart({ id: second });
    await s.machine(second, 'ready');
    lap('start the other machine on the capture');
    assert.equal(
      await s.inside(second, 'cat /root/note; hostname; hello'),
      `made inside\nmachine-${second}\nHello from hello!`,
    );

    // A layer is rewritten while a machine runs on it.
    const { head, base, chain } = await s.store.read('system', async (work) => {
      const { layerId } = await work.images.get(captured.attributes.id as never);
      const chain = (await work.layers.chain(layerId as never)).map(({ id }) => id);
      return { head: chain[0] as LayerId, base: chain.at(-1) as LayerId, chain };
    });
    await s.engine.compact.rewrite({ layerId: head, parentId: base, chain }, call);
    lap('rewrite the layer below a machine that is on');
    assert.match(
      await s.inside(second, 'echo 3 > /proc/sys/vm/drop_caches; cat /root/note; hello'),
      /made inside\nHello/,
    );

    // A machine that starts from a capture of another one has its own identity.
    const idOf = (id: number) => s.inside(id, 'cat /etc/machine-id');
    const copied = await idOf(second);
    assert.match(copied, /^[0-9a-f]{32}$/);

    // After the image is deleted, the machine that runs on it and the captured machine still work.
    await s.client().imageDelete({ id: captured.attributes.id });
    await s.client().imageDelete({ id: built.attributes.id });
    assert.equal(await s.inside(second, 'cat /root/note'), 'made inside');
    await s.client().machineStart({ id: first });
    await s.machine(first, 'ready');
    assert.equal(await s.inside(first, 'cat /root/note'), 'made inside');
    assert.equal(await idOf(first), identities[0]);
    assert.ok(!identities.includes(copied));
    lap('start the first machine again');
    assert.deepEqual(await s.leftOvers(), []);
  });
});
