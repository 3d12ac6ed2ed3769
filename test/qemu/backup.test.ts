// Makes a backup of real disks while a machine runs, restores it into another folder, and starts
// the machine from the restored disk.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { DiskId, LayerId, MachineId } from '../../src/domain/ids.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { withoutJob } from '../../src/engine/port/call.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { newId } from '../../src/lib/new-id.ts';
import { examine } from '../../src/reconcile/doctor.ts';
import { backUp } from '../../src/server/backup.ts';
import { openExistingStore } from '../../src/server/open.ts';
import { parseConfig } from '../../src/server/options.ts';
import { restore } from '../../src/server/restore.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { machineOn } from '../contract/engine/world.ts';
import { defer, temporaryFolder, waitFor } from '../support.ts';
import { livingBase, quickBase } from './quick-base.ts';
import { startServer } from './server.ts';

describe('a backup of real disks', () => {
  it('holds the disk of a running machine as of one moment, and the restored machine starts from it', async (t) => {
    const base = await livingBase(await temporaryFolder(t));
    const s = await startServer(t, [], { base });
    const [first = 0, second = 0] = s.machines;
    for (const id of [first, second]) await s.client().machineStart({ id });
    for (const id of [first, second]) await s.machine(id, 'ready');
    await s.inside(first, 'echo kept > /root/note; sync');
    await s.client().machineStop({ id: second });
    await s.machine(second, 'off');
    const captured = await s.client().imageCapture({ machine_id: second });
    assert.equal((await s.image(captured.attributes.id)).status, 'available');

    // The machine runs on another disk, so nothing writes to its kept disk.
    const kept = newId<DiskId>();
    await s.store.write('system', async (work) => {
      const { diskId, organisationId } = await work.machines.get(first as never);
      const { layerId, sizeGb } = await work.disks.get(diskId as never);
      const more = { machineId: first as never, imageId: null, replacesId: null };
      await work.disks.add({ id: kept, organisationId, layerId, sizeGb, state: 'active', ...more });
      await work.disks.keep(kept, 3600_000);
      await s.engine.ensureDisk({ diskId: kept, layerId, sizeBytes: sizeGb * gbBytes }, call);
    });

    const parent = await temporaryFolder(t);
    const [folder, dataDir] = [join(parent, 'backup'), join(parent, 'restored')];
    const at = performance.now();
    const make = (to: string) =>
      backUp({ store: s.store, engine: s.engine, dataDir: s.dataDir }, to, { keys: true });
    // One QEMU begins and ends the jobs of all four at the same time.
    const others = ['second', 'third', 'fourth'].map((name) => make(join(parent, name)));
    const [manifest, ...beside] = await Promise.all([make(folder), ...others]);
    for (const other of beside)
      assert.deepEqual({ ...other, createdAt: '' }, { ...manifest, createdAt: '' });
    t.diagnostic(
      `four backups beside a running machine: ${((performance.now() - at) / 1000).toFixed(2)} s`,
    );
    assert.deepEqual([manifest.layers, manifest.disks, manifest.missing], [2, 3, []]);
    // The backup shares each layer with the original by a hard link, without a copy.
    for (const name of await readdir(join(folder, 'engine', 'layers'))) {
      const [one, other] = [
        join(folder, 'engine', 'layers', name),
        join(s.dataDir, 'engine', 'layers', name),
      ];
      assert.equal((await stat(one)).ino, (await stat(other)).ino);
    }
    assert.deepEqual(await s.leftOvers(), []);
    assert.equal(await s.inside(first, 'cat /root/note'), 'kept');
    // The guest writes this after the backup, so the backup must not hold it.
    await s.inside(first, 'echo later > /root/note; sync');

    await restore(folder, dataDir, 'operator:test');
    const engine = await openQemu({ root: join(dataDir, 'engine') });
    const { store } = await openExistingStore(parseConfig({ dataDir }, {}));
    defer(t, () => store.close());
    defer(t, () => engine.stopMachine({ machineId: first as never, graceMs: 0 }, call));
    const found = await examine({ store, engine, clock: systemClock });
    assert.deepEqual(
      found.map(({ subject, found }) => `${subject} ${found}`),
      [`machine ${first} is said to be ready, and is off`],
    );
    const { machine, disk, boot } = await store.read('system', async (work) => {
      const machine = await work.machines.get(first as never);
      const disk = await work.disks.get(machine.diskId as never);
      const boot = await work.layers.bootOf(await work.layers.get(disk.layerId));
      return { machine, disk, boot };
    });
    const { name, cpus, memoryMb } = machine;
    await engine.startMachine(
      {
        ...{ machineId: machine.id, diskId: disk.id, name, cpus, memoryMb },
        ...boot,
        fresh: false,
      },
      call,
    );
    await waitFor(
      'the restored machine is ready',
      async () => (await engine.machineState(machine.id, call)) === 'ready',
      180_000,
      200,
    );
    assert.equal(
      (
        await engine.exec.run({ machineId: machine.id, command: ['/bin/cat', '/root/note'] }, call)
      ).stdout.trim(),
      'kept',
    );
    assert.equal(await s.inside(first, 'cat /root/note'), 'later');
  });

  it('copies whole disks while their machine starts or stops, and a kept disk', async (t) => {
    const folder = await temporaryFolder(t);
    const engine = await openQemu({ root: join(folder, 'engine') });
    const { boot, ...files } = await quickBase(folder);
    const [layerId, diskId, machineId] = [newId<LayerId>(), newId<DiskId>(), 1 as MachineId];
    await engine.importBase({ layerId, ...(await contents(files)) }, call);
    const sizeBytes = gbBytes;
    const keptId = newId<DiskId>();
    for (const id of [diskId, keptId])
      await engine.ensureDisk({ diskId: id, layerId, sizeBytes }, call);
    defer(t, () => engine.stopMachine({ machineId, graceMs: 0 }, call));
    const start = () =>
      engine.startMachine(
        machineOn({ machineId, diskId, name: 'one', boot, baseLayerId: layerId }),
        call,
      );
    const disks = [keptId, diskId].map((id) => ({ diskId: id, layerId, machineId, sizeBytes }));
    const signal = new AbortController().signal;
    for (let round = 0; round < 3; round++) {
      for (const [name, does] of [
        ['starts', start],
        ['is on', async () => {}],
        ['stops', () => engine.stopMachine({ machineId, graceMs: 0 }, call)],
      ] as const) {
        const to = join(folder, `${name}-${round}`);
        await mkdir(to);
        const [missing] = await Promise.all([
          engine.backup.copy(
            { folder: to, disks, layers: [layerId], files: [] },
            withoutJob(signal),
          ),
          does(),
        ]);
        assert.deepEqual(missing, []);
        for (const id of [diskId, keptId])
          execFileSync('qemu-img', ['check', '-q', join(to, 'disks', `${id}.qcow2`)], {
            stdio: 'pipe',
          });
        assert.deepEqual(await readdir(join(folder, 'engine', 'builds')), []);
      }
    }
  });
});
