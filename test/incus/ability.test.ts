// Each ability of a server on Incus that docs/guide/incus.md names: it works in real containers, or
// it is refused at once with what helps in its place.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { baseList } from '../../src/app/operator/base.ts';
import { baseHeal } from '../../src/app/operator/base-heal.ts';
import { offerRetire } from '../../src/app/operator/offer.ts';
import { operatorOn } from '../operator.ts';
import { waitFor } from '../support.ts';
import { leftOutWithoutIncus, startIncus } from './cluster.ts';
import { containerBase } from './member.ts';
import { laps, startOnIncus } from './server.ts';

const listedMs = 60_000;

describe('a server on Incus', { skip: leftOutWithoutIncus }, () => {
  it('brings back deleted machines and images, retires bases, reads lists by cursors, and says at once what it cannot do', async (t) => {
    const { first: member } = await startIncus(t);
    const s = await startOnIncus(t, member, []);
    const [id = 0, other = 0] = s.machines;
    const lap = laps(t);
    const client = s.client();

    await client.machineStart({ id });
    const { started } = await s.machine(id, 'ready');
    assert.match(started?.because ?? '', /this engine starts no machines from memory/);
    await s.inside(id, 'echo kept > /root/note; sync');
    await client.machineStop({ id });
    await s.machine(id, 'off');
    lap('start and stop');

    await client.machineDelete({ id });
    await assert.rejects(client.machineGet({ id }), { clientCode: 404 });
    await client.machineUndelete({ id });
    await client.machineStart({ id });
    await s.machine(id, 'ready');
    assert.equal(await s.inside(id, 'cat /root/note'), 'kept');
    await client.machineStop({ id });
    await s.machine(id, 'off');
    lap('delete, undelete, start on the same disk');

    const generalize = { machine_id: id, generalize: true };
    const image = (await client.imageCapture(generalize)).attributes.id;
    const captured = await s.image(image);
    assert.equal(captured.status, 'available', captured.status_reason ?? '');
    const second = (await client.imageInstall({})).attributes.id;
    assert.equal((await s.image(second)).status, 'available');
    await client.imageAssign({ id: image, machine_ids: [other] });
    await client.imageDelete({ id: image });
    assert.equal((await client.imageRestore({ id: image })).attributes.status, 'available');
    await client.machineStart({ id: other });
    await s.machine(other, 'ready');
    assert.equal(await s.inside(other, 'cat /root/note'), 'kept');
    lap('capture that is generalised, delete, restore, start on it');

    // A retired base is not taken any more; what stands on it works.
    const operator = operatorOn(s.store);
    const [base] = await baseList(s.store);
    assert.ok(base);
    await offerRetire(operator, 'base', base.id, true);
    await assert.rejects(client.imageInstall({ base_image_id: base.id }), { clientCode: 404 });
    await client.machineStart({ id });
    await s.machine(id, 'ready');
    await offerRetire(operator, 'base', base.id, false);
    const heal = baseHeal(operator, s.engine, base.id, { file: await containerBase() }, t.signal);
    await assert.rejects(heal, { code: 'invalid', message: /retire it and add it anew/ });
    lap('retire a base, start, offer it again');

    const pages: number[] = [];
    for (let before: number | undefined, page = 0; page < 3; page++) {
      const list = await client.imageList({ per_page: 1, ...(before !== undefined && { before }) });
      pages.push(...list.images.map(({ attributes }) => attributes.id));
      if (list.next_before === null || list.next_before === undefined) break;
      before = list.next_before;
    }
    assert.deepEqual(pages, [second, image]);

    const why = await waitFor(
      'the list of packages is given up',
      async () => {
        const { attributes } = await client.imagePackages({ id: image });
        return attributes.state === 'unread' && attributes.reason;
      },
      listedMs,
    );
    assert.match(why, /The incus engine reads no disks of images; ask a machine/);
    const refused = (asked: Promise<unknown>, message: RegExp) =>
      assert.rejects(asked, { clientCode: 400, message });
    await refused(client.imagePackagesRead({ id: image }), /reads no disks of images/);
    await refused(client.imageFileDiffRead({ id: image }), /reads no disks of images/);
    await assert.rejects(client.imageSbom({ id: image }), {
      clientCode: 409,
      message: /could not be listed: The incus/,
    });
    await refused(client.imageExport({ id: image }), /no images as files; .*incus image export/);
    await refused(client.imageImport({ size_bytes: 1000 }), /no images as files/);
    await refused(
      client.imageTemplatesSet({ id: image, templates: 'always' }),
      /starts no machines from memory, so it makes no templates/,
    );
    await refused(client.machinePolicySet({ id, crash_policy: 'restart' }), /after a crash/);
    await refused(
      client.machineForwardAdd({ id, port: 20_000, guest_port: 22 }),
      /no ports of the host that lead to machines; use the network of the cluster/,
    );
    assert.deepEqual(await s.findings(), []);
    lap('lists and refusals');
  });
});
