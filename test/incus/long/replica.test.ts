// Two servers on one PostgreSQL database share an Incus cluster: either does any work, and one goes
// on with what the other had begun.

import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createClient } from '../../../src/client/client.ts';
import type { MachineId } from '../../../src/domain/ids.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { examine } from '../../../src/reconcile/doctor.ts';
import { openExistingStore } from '../../../src/server/open.ts';
import { parseConfig } from '../../../src/server/options.ts';
import { openWorkedEngine } from '../../../src/server/replica.ts';
import { call } from '../../call.ts';
import { furnish } from '../../furnish.ts';
import { startPostgres } from '../../postgres/server.ts';
import { serverProcess } from '../../server-process.ts';
import { defer, temporaryFolder, waitFor } from '../../support.ts';
import { leftOutWithoutIncus, startIncus } from '../cluster.ts';
import { containerBase } from '../member.ts';
import { laps, socketOf } from '../server.ts';

const restMs = 60_000;
/** The lease of a server that dies has to end before another one takes over. */
const takeOverMs = 120_000;
const title = { name: 'Slow', script: 'sleep 4; echo built > /root/note\n' };

describe('two servers on one database and one cluster', { skip: leftOutWithoutIncus }, () => {
  it('both work machines, and one finishes the build of the other that was killed', async (t) => {
    const databaseUrl = await (await startPostgres(t)).database();
    const { first } = await startIncus(t, { members: 2 });
    const [transfersDir, one, two] = [
      await temporaryFolder(t),
      await temporaryFolder(t),
      await temporaryFolder(t),
    ];
    const incusUrl = socketOf(first);
    const start = async (dataDir: string) => {
      const { start: startWith, end, pid } = serverProcess();
      defer(t, () => end('SIGTERM'));
      const flags = ['--data-dir', dataDir, '--port', '0', '--log-level', 'silent'];
      const shared = ['--database-url', databaseUrl, '--transfers-dir', transfersDir];
      const engine = ['--engine', 'incus', '--incus-url', incusUrl];
      const url = await startWith([...flags, ...shared, ...engine], /serves (http:\S+)/);
      const signal = (name: NodeJS.Signals) => process.kill(pid(), name);
      return { url, kill: () => end('SIGKILL'), signal };
    };
    const dying = await start(one);
    for (const file of ['master.key', 'signing.key'])
      await copyFile(join(one, file), join(two, file));
    const living = await start(two);

    const config = parseConfig({ dataDir: two, databaseUrl, transfersDir, incusUrl }, {});
    const { store, masterKey } = await openExistingStore(config);
    defer(t, () => store.close());
    const engine = await openWorkedEngine(config, store);
    defer(t, () => engine.close());
    const base = { disk: await containerBase(), boot: { mode: 'bios' as const } };
    const given = { base, titles: [title], machines: 4 };
    const { software, machines, key } = await furnish({ store, engine, masterKey }, given);
    const [here, there] = [dying, living].map(({ url }) => createClient({ url, ...key }));
    if (!here || !there) throw new Error('there are two servers');
    const lap = laps(t);
    for (const [at, id] of machines.entries())
      await (at % 2 === 0 ? here : there).machineStart({ id });
    const isReady = async (id: number) =>
      (await there.machineGet({ id })).attributes.friendly_status === 'ready';
    for (const id of machines) await waitFor(`machine ${id} is ready`, () => isReady(id), restMs);
    assert.deepEqual(await engine.runningMachines(call), new Set(machines));
    lap('four machines are ready');

    // While the other server stands still, the work is the first one's.
    living.signal('SIGSTOP');
    const { id } = (await here.imageInstall({ software_ids: software })).attributes;
    const builds = async () => {
      const api = await first.api.call('GET', '/1.0/instances?all-projects=true&recursion=1');
      return api.some(({ name }: { name: string }) => name.startsWith('sm-build-'));
    };
    await waitFor('the build machine is there', builds, restMs);
    await dying.kill();
    living.signal('SIGCONT');
    const image = await waitFor(
      'the image is at rest',
      async () => {
        const { attributes } = await there.imageGet({ id });
        return ['available', 'failed'].includes(attributes.status) && attributes;
      },
      takeOverMs,
      100,
    );
    assert.equal(image.status, 'available', image.status_reason ?? '');
    lap('a build is finished, from the kill of a server');
    assert.ok(!(await builds()));
    const [machine = 0] = machines;
    await there.imageAssign({ id, machine_ids: [machine] });
    const isOff = async () =>
      (await there.machineGet({ id: machine })).attributes.friendly_status === 'off';
    await waitFor('the machine is off', isOff, restMs);
    await there.machineStart({ id: machine });
    await waitFor('the machine is ready', () => isReady(machine), restMs);
    const command = ['cat', '/root/note'];
    const said = await engine.exec?.run({ machineId: machine as MachineId, command }, call);
    assert.equal(said?.stdout, 'built\n');
    assert.deepEqual(await examine({ store, engine, clock: systemClock }), []);
  });
});
