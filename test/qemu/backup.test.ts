// A backup of real disks, made while a machine runs, brought back somewhere else, and its machine started there.

import assert from 'node:assert/strict';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { backUp, restore } from '../../src/bin/backup.ts';
import { parseConfig } from '../../src/bin/config.ts';
import { openExistingStore } from '../../src/bin/open.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { examine } from '../../src/reconcile/examine.ts';
import { defer, temporaryFolder, waitFor } from '../support.ts';
import { startServer } from './server.ts';

describe('a backup of real disks', () => {
  it('holds the disk of a machine that is on as of one moment, and the machine starts from it elsewhere', async (t) => {
    const s = await startServer(t, []);
    const [first = 0, second = 0] = s.machines;
    for (const id of [first, second]) await s.client().machineStart({ id });
    for (const id of [first, second]) await s.machine(id, 'ready');
    await s.inside(first, 'echo kept > /root/note; sync');
    await s.client().machineStop({ id: second });
    await s.machine(second, 'off');
    const captured = await s.client().imageCapture({ machine_id: second });
    assert.equal((await s.image(captured.attributes.id)).status, 'available');

    const parent = await temporaryFolder(t);
    const [folder, dataDir] = [join(parent, 'backup'), join(parent, 'restored')];
    const at = performance.now();
    const manifest = await backUp({ store: s.store, engine: s.engine, dataDir: s.dataDir }, folder, { keys: true });
    t.diagnostic(`backup beside a running machine: ${((performance.now() - at) / 1000).toFixed(2)} s`);
    assert.deepEqual([manifest.layers, manifest.disks, manifest.missing], [2, 2, []]);
    // Layers are shared, not copied.
    for (const name of await readdir(join(folder, 'engine', 'layers'))) {
      const [one, other] = [join(folder, 'engine', 'layers', name), join(s.dataDir, 'engine', 'layers', name)];
      assert.equal((await stat(one)).ino, (await stat(other)).ino);
    }
    assert.deepEqual(await s.leftOvers(), []);
    assert.equal(await s.inside(first, 'cat /root/note'), 'kept');
    // What happens after it is not in it.
    await s.inside(first, 'echo later > /root/note; sync');

    await restore(folder, dataDir);
    const engine = await openQemu({ root: join(dataDir, 'engine') });
    const { store } = await openExistingStore(parseConfig({ dataDir }, {}));
    defer(t, () => store.close());
    defer(t, () => engine.stopMachine(first as never, 0));
    const found = await examine({ store, engine, clock: systemClock });
    assert.deepEqual(
      found.map(({ subject, found }) => `${subject} ${found}`),
      [`machine ${first} is said to be ready, and is off`],
    );
    const { machine, disk, base } = await store.read('system', async (work) => {
      const machine = await work.machines.get(first as never);
      const disk = await work.disks.get(machine.diskId as never);
      return { machine, disk, base: await work.bases.get() };
    });
    const { name, cpus, memoryMb } = machine;
    await engine.startMachine({
      ...{ machineId: machine.id, diskId: disk.id, name, cpus, memoryMb },
      ...{ boot: base.boot, baseLayerId: base.layerId },
    });
    await waitFor(
      'the restored machine is ready',
      async () => (await engine.machineState(machine.id)) === 'ready',
      180_000,
      200,
    );
    assert.equal((await engine.exec(machine.id, ['/bin/cat', '/root/note'])).stdout.trim(), 'kept');
    assert.equal(await s.inside(first, 'cat /root/note'), 'later');
  });
});
