// A base that boots by UEFI and has a TPM, on a whole server: what its disk knows is captured,
// assigned, exported, brought in again and cleaned up with everything else.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { upload } from '../../src/client/transfer.ts';
import { findProcesses, processesIn } from '../../src/engine/qemu/process.ts';
import { guests, quickUefiDisk } from '../qemu/quick-base.ts';
import { restMs, startQuick } from '../qemu/quick-server.ts';
import { waitFor } from '../support.ts';

describe('a base that boots by UEFI and has a TPM', () => {
  it('is built on, starts machines, and goes out and in as an image', async (t) => {
    let file = '';
    const q = await startQuick(t, {
      guest: guests.ready,
      settings: { readyMs: 600_000 },
      async base(folder) {
        file = await quickUefiDisk(folder);
        return { disk: file, boot: { mode: 'found', tpm: true, stateCopy: 'all' } };
      },
    });
    const { client, machine } = q;
    const own = processesIn(join(q.dataDir, 'engine'));
    const disks = async () =>
      (await readdir(join(q.dataDir, 'engine', 'disks'))).map((name) => name.split('.')[1]).sort();
    const atRest = async (id: number) =>
      waitFor(
        'the image is at rest',
        async () => {
          const { attributes } = await client.imageGet({ id });
          return ['available', 'failed'].includes(attributes.status) && attributes;
        },
        restMs,
      );
    const built = await q.build();
    assert.equal(built.status, 'available', built.status_reason ?? '');
    await client.imageAssign({ id: built.id, machine_ids: [machine] });
    assert.equal((await q.turn(true)).friendly_status, 'ready');
    assert.deepEqual(await disks(), ['qcow2', 'tpm', 'vars']);

    const [tpm] = await findProcesses(own, 'machine', machine, 'tpm');
    assert.ok(tpm);
    process.kill(tpm.pid, 'SIGKILL');
    await waitFor('the end of its TPM is shown', async () =>
      /TPM has ended/.test(
        (await client.machineGet({ id: machine })).attributes.status_reason ?? '',
      ),
    );
    assert.equal((await q.turn(false)).friendly_status, 'off');
    assert.equal((await q.turn(true)).friendly_status, 'ready');
    assert.equal((await client.machineGet({ id: machine })).attributes.status_reason, null);
    assert.equal((await q.turn(false)).friendly_status, 'off');

    const captured = await client.imageCapture({ machine_id: machine });
    assert.equal((await atRest(captured.attributes.id)).status, 'available');
    const { id } = await client.imageExport({ id: captured.attributes.id });
    const done = await waitFor(
      'the export is done',
      async () => {
        const { attributes } = await client.transferGet({ id });
        return attributes.status !== 'building' && attributes;
      },
      restMs,
    );
    const { boot } = JSON.parse(done.manifest ?? '{}');
    assert.deepEqual([boot.firmware, boot.tpm, boot.stateCopy], ['uefi', true, 'all']);
    assert.ok(boot.variables && boot.tpmState);

    const disk = await readFile(file);
    const begun = await client.imageImport({ size_bytes: disk.length, name: 'From outside' });
    const read = async (offset: number, length: number) => disk.subarray(offset, offset + length);
    await upload(client, { url: q.url, ...q.key }, begun.id, read);
    const imported = await client.transferFinish({ id: begun.id, boot_check: true });
    const found = await atRest(imported.attributes.id);
    assert.equal(found.status, 'available', found.status_reason ?? '');

    await client.machineReset({ id: machine });
    assert.equal((await q.turn(true)).friendly_status, 'ready');
    assert.equal((await q.turn(false)).friendly_status, 'off');
    await q.assertSound();
    assert.deepEqual(await findProcesses(own, undefined, undefined, 'tpm'), []);
  });
});
