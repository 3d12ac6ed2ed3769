// A data directory can be in any folder, and can be moved.

import assert from 'node:assert/strict';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createClient } from '../../src/client/client.ts';
import { serve } from '../../src/server/serve.ts';
import { call } from '../call.ts';
import { isAlive } from '../process-state.ts';
import { defer, temporaryFolder, waitFor } from '../support.ts';
import { restMs, startQuick } from './quick-server.ts';

describe('a data directory', () => {
  it('works below folders that only the server may enter, and can move while a machine is on', async (t) => {
    const inaccessible = join(await temporaryFolder(t), 'private'.repeat(20));
    await mkdir(inaccessible, { mode: 0o700 });
    const dataDir = join(inaccessible, 'deep'.repeat(20), 'data');
    const s = await startQuick(t, { dataDir });
    assert.equal((await s.build()).status, 'available');
    assert.equal((await s.turn(true)).friendly_status, 'ready');
    const before = await s.process('machine');
    await s.close();

    const moved = join(inaccessible, 'moved');
    await rename(dataDir, moved);
    const server = await serve({ ...s.config, dataDir: moved });
    defer(t, async () => {
      for (const id of await server.engine.runningMachines(call))
        await server.engine.stopMachine({ machineId: id, graceMs: 0 }, call);
      await server.close();
    });
    const client = createClient({ url: server.url, ...s.key });
    assert.deepEqual(await server.engine.runningMachines(call), new Set([s.machine]));
    await server.reconciler.task('observe');
    const status = async () =>
      (await client.machineGet({ id: s.machine })).attributes.friendly_status;
    assert.equal(await status(), 'ready');
    // The machine still writes to its disk, so a capture of it is refused.
    await assert.rejects(client.imageCapture({ machine_id: s.machine }), { clientCode: 4209 });
    const { diskId } = await server.store.read('system', (work) =>
      work.machines.get(s.machine as never),
    );
    const seal = {
      diskId: diskId as never,
      layerId: 'a'.repeat(24) as never,
      sizeBytes: 1024 ** 3,
    };
    await assert.rejects(server.engine.sealDisk(seal, call), /still has the machine's disk open/);
    await client.machineStop({ id: s.machine });
    await waitFor('it is off', async () => (await status()) === 'off', restMs);
    assert.ok(before && !isAlive(before.pid));
    assert.equal((await client.imageCapture({ machine_id: s.machine })).attributes.id, 2);
    await waitFor(
      'it is captured',
      async () => (await client.imageGet({ id: 2 })).attributes.status === 'available',
      restMs,
    );
  });
});
