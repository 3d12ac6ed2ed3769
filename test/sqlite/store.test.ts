// The store's promises: durable, one server, bound to an organisation, fenced.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it, type TestContext } from 'node:test';
import type { KeyId, MachineId, OrganisationId } from '../../src/domain/ids.ts';
import { LeaseLost } from '../../src/store/port/job.ts';
import { lockDataDir } from '../../src/store/sqlite/lock.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { defer, temporaryFolder } from '../support.ts';

async function filled(t: TestContext) {
  const dataDir = await temporaryFolder(t);
  let now = 1_000_000;
  const store = await openSqlite({ dataDir, now: () => now });
  defer(t, () => store.close());
  const [ours, theirs] = await store.write(
    'system',
    async (work) =>
      [await work.organisations.ensure('ours'), await work.organisations.ensure('theirs')] as const,
  );
  const type = await store.write('system', (work) =>
    work.machineTypes.add({ name: 'Small', code: 'small', cpus: 1, memoryMb: 512, diskSizeGb: 10 }),
  );
  const addMachine = (organisationId: OrganisationId) =>
    store.write(organisationId, (work) =>
      work.machines.add({
        organisationId,
        machineTypeId: type.id,
        machineType: 's',
        cpus: 1,
        memoryMb: 1,
        diskSizeGb: 10,
        region: null,
        permissions: {},
        assignedImageId: null,
      }),
    );
  const machine = await addMachine(ours);
  const enqueue = (machineId: MachineId) =>
    store.write('system', (work) =>
      work.jobs.enqueue([{ kind: 'machineStart', organisationId: ours, machineId }]),
    );
  const firstOpen = async () => {
    const [job] = await store.read('system', (work) => work.jobs.open(10));
    assert.ok(job);
    return job;
  };
  return {
    dataDir,
    store,
    ours,
    theirs,
    machine,
    addMachine,
    enqueue,
    firstOpen,
    advance: (ms: number) => {
      now += ms;
    },
  };
}

describe('the SQLite store', () => {
  it('undoes a write that throws, all of it', async (t) => {
    const { store, ours, machine } = await filled(t);
    await assert.rejects(
      store.write(ours, async (work) => {
        await work.machines.update(machine.id, { status: 'ready' });
        throw new Error('stop');
      }),
      /stop/,
    );
    assert.equal((await store.read(ours, (work) => work.machines.get(machine.id))).status, 'off');
  });

  it('keeps what was acknowledged when its process is killed', async (t) => {
    const dataDir = await temporaryFolder(t);
    const script = `
      import { openSqlite } from ${JSON.stringify(new URL('../../src/store/sqlite/open.ts', import.meta.url).href)};
      const store = await openSqlite({ dataDir: process.argv[1], now: Date.now });
      for (let n = 1; ; n++) {
        await store.write('system', (work) => work.organisations.ensure('organisation ' + n));
        process.stdout.write(n + '\\n');
      }`;
    const child = spawn(
      process.execPath,
      ['--input-type=module-typescript', '-e', script, dataDir],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let acknowledged = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      acknowledged = Number(chunk.toString().trim().split('\n').at(-1));
      if (acknowledged > 200) child.kill('SIGKILL');
    });
    await new Promise((resolve) => child.once('close', resolve));
    const store = await openSqlite({ dataDir, now: Date.now });
    defer(t, () => store.close());
    const names = new Set(
      (await store.read('system', (work) => work.organisations.list())).map((one) => one.name),
    );
    for (let n = 1; n <= acknowledged; n++)
      assert.ok(names.has(`organisation ${n}`), `organisation ${n} was acknowledged`);
    assert.ok(acknowledged > 200);
  });

  it('lets two processes write side by side: a transaction that has read is not undone by the other', async (t) => {
    const { dataDir, store, ours, machine } = await filled(t);
    const other = await openSqlite({ dataDir, now: () => 1_000_000 });
    defer(t, () => other.close());
    const addOne = (one: typeof store) =>
      one.write(ours, async (work) => {
        const { cpus } = await work.machines.get(machine.id);
        await new Promise((resolve) => setTimeout(resolve, 1));
        await work.machines.update(machine.id, { cpus: cpus + 1 });
      });
    await Promise.all(Array.from({ length: 40 }, (_, index) => addOne(index % 2 ? store : other)));
    assert.equal((await store.read(ours, (work) => work.machines.get(machine.id))).cpus, 41);
  });

  it('lets one server alone have a data directory', async (t) => {
    const dataDir = await temporaryFolder(t);
    const lock = lockDataDir(dataDir);
    assert.throws(() => lockDataDir(dataDir), /Another server/);
    lock.release();
    lockDataDir(dataDir).release();
  });

  it("shows an organisation nothing of another's, and changes nothing of it", async (t) => {
    const { store, theirs, machine } = await filled(t);
    await assert.rejects(
      store.read(theirs, (work) => work.machines.get(machine.id)),
      { code: 'not_found' },
    );
    await assert.rejects(
      store.read(theirs, (work) => work.machines.getMany([machine.id])),
      { code: 'machines_not_found' },
    );
    await store.write(theirs, (work) => work.machines.update(machine.id, { status: 'ready' }));
    assert.equal(
      (await store.read('system', (work) => work.machines.get(machine.id))).status,
      'off',
    );
  });

  it('refuses a second open job on a machine', async (t) => {
    const { machine, enqueue } = await filled(t);
    await enqueue(machine.id);
    await assert.rejects(enqueue(machine.id));
  });

  it('gives a job to one owner, passes it on when the lease is over, and refuses what the late owner writes', async (t) => {
    const { store, machine, enqueue, firstOpen, advance } = await filled(t);
    await enqueue(machine.id);
    const { id } = await firstOpen();
    const claim = (owner: string) =>
      store.write('system', (work) => work.jobs.claim(id, owner, 1000));
    const late = await claim('late');
    assert.ok(late);
    assert.equal(await claim('other'), undefined);
    advance(1000);
    const heir = await claim('heir');
    assert.ok(heir);
    await assert.rejects(
      store.write('system', (work) => work.jobs.fencedUpdate(late, { phase: 'too late' })),
      LeaseLost,
    );
    await store.write('system', (work) => work.jobs.fencedUpdate(heir, { state: 'done' }));
    await assert.rejects(
      store.write('system', (work) => work.jobs.fencedUpdate(heir, {})),
      LeaseLost,
    );
  });

  it('reads a row for a key that is claimed, also where there is none of that name', async (t) => {
    const { store, ours } = await filled(t);
    const claimed = (id: string) =>
      store.read('system', async (work) => (await work.keys.claimed(id))?.id);
    assert.equal(await claimed('middle-key'), undefined);
    const rest = {
      name: 'key',
      secretSealed: 's',
      masterKeyId: 'm',
      permissions: [],
      expiresAt: null,
    };
    for (const id of ['first-key', 'middle-key', 'second-key'] as KeyId[])
      await store.write('system', (work) => work.keys.add({ id, organisationId: ours, ...rest }));
    for (const id of ['first-key', 'middle-key', 'second-key']) assert.equal(await claimed(id), id);
    for (const id of ['', 'a', 'middle', 'zzz']) assert.equal(await claimed(id), undefined);
  });

  it('forgets signatures after their time and takes each once until then', async (t) => {
    const { store, advance } = await filled(t);
    const use = () =>
      store.write('system', (work) =>
        work.signatures.use('key' as never, 'signature', work.now() + 100),
      );
    assert.equal(await use(), true);
    assert.equal(await use(), false);
    advance(200);
    await store.write('system', (work) => work.signatures.prune(work.now()));
    assert.equal(await use(), true);
  });
});
