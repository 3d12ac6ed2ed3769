// More rows than an SQL statement can have variables: 40,000 layers, images, disks and machines on
// one base.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, it } from 'node:test';
import type { ImageId, LayerId, MachineId } from '../../src/domain/ids.ts';
import { localCopy } from '../../src/domain/layer-copy.ts';
import type { Engine } from '../../src/engine/port/engine.ts';
import { noLog } from '../../src/lib/log.ts';
import { quarantine } from '../../src/reconcile/quarantine.ts';
import { portionMax } from '../../src/store/sql/scope.ts';
import { defer, type Scope } from '../support.ts';
import { startHarness } from './harness.ts';

/** SQLite allows 32,766 variables. */
const count = 40_000;
const first = 1000;

/**
 * Each layer from `layer-1000` on uses the base and has an image, a machine that is shown as on,
 * and the machine's disk.
 */
async function crowded(t: Scope) {
  // An engine that tells no more of machines than whether they are on.
  const wrapEngine = ({ vitals: _, ...engine }: Engine) => engine;
  const h = await startHarness(t, { reconcile: false, wrapEngine });
  const { body } = await h.call('imageInstall');
  await h.service.reconciler.settle();
  const database = new DatabaseSync(join(h.dataDir, 'silversmith.db'));
  const from = `with recursive n (i) as (select ${first} union all select i + 1 from n where i < ${first + count - 1})`;
  const copies = (table: string, values: Record<string, string>) => {
    const columns = database
      .prepare(`pragma table_info(${table})`)
      .all()
      .map((column) => String(column.name));
    database.exec(`insert into ${table} (${columns}) ${from}
      select ${columns.map((column) => values[column] ?? `one.${column}`)} from n, (select * from ${table} limit 1) one`);
  };
  database.exec('pragma foreign_keys = off; begin');
  copies('layer', {
    id: "'layer-' || i",
    kind: "'software'",
    parent_id: 'one.id',
    key: "'key-' || i",
  });
  copies('layer_copy', { layer_id: "'layer-' || i" });
  copies('image', { id: 'i', name: "'Image ' || i", layer_id: "'layer-' || i" });
  database.exec(`insert into disk (id, organisation_id, machine_id, layer_id, state, size_gb, created_at) ${from}
    select 'disk-' || i, ${h.ours}, i, 'layer-' || i, 'active', 20, 0 from n`);
  copies('machine', { id: 'i', disk_id: "'disk-' || i", status: "'ready'" });
  database.exec('commit');
  database.close();
  const statusesOf = async () => {
    const ids = [body.attributes.id, first, first + count - 1] as ImageId[];
    return h.store.read('system', (work) =>
      Promise.all(ids.map(async (id) => (await work.images.get(id)).status)),
    );
  };
  return { h, imageId: body.attributes.id as number, statusesOf };
}

describe('a base with 40,000 layers above it', () => {
  const suite: Scope = { after };
  // Registers the suite's cleanup now, because a hook cannot be added later.
  defer(suite, () => {});
  let crowd: Awaited<ReturnType<typeof crowded>>;
  before(async () => {
    crowd = await crowded(suite);
  });

  it('has all of its machines shown as off after the host restarted', async () => {
    const { h } = crowd;
    const busy = (first + 7) as MachineId;
    await h.store.write('system', (work) =>
      work.jobs.enqueue([{ kind: 'machineStop', organisationId: h.ours, machineId: busy }]),
    );
    await h.service.reconciler.task('observe');
    const ready = await h.store.read('system', (work) => work.machines.ready());
    assert.deepEqual(
      ready.map(({ id }) => id),
      [busy],
    );
  });

  it('is shown, compacted, measured and collected like any other', async () => {
    const { h, imageId } = crowd;
    const hangs = (await h.call('imageDependents', { params: { id: imageId } })).body;
    assert.deepEqual(
      [hangs.machines.length, hangs.images.length, hangs.kept_disks],
      [count, count, 0],
    );
    for (const name of ['compact', 'measure', 'collect'] as const)
      await h.service.reconciler.task(name);
  });

  it('is quarantined with all images that use it, and healed with them', async () => {
    const { h, imageId, statusesOf } = crowd;
    const deleted = first + 1;
    await h.store.write('system', (work) =>
      work.organisations.setQuotas(h.ours, { images: 2 * count }),
    );
    await h.call('imageDelete', { params: { id: deleted } });
    const base = await h.store.read('system', (work) => work.layers.get(h.base.layerId));
    await quarantine({ store: h.store, log: noLog }, localCopy(base.id), 'is damaged');
    assert.deepEqual(await statusesOf(), ['failed', 'failed', 'failed']);
    assert.equal(
      (await h.call('imageRestore', { params: { id: deleted } })).body.attributes.status,
      'failed',
    );

    // A damaged layer in between keeps its image failed.
    await h.store.write('system', async (work) => {
      const damaged = localCopy(`layer-${first}` as LayerId);
      await work.layerCopies.update(localCopy(base.id), { state: 'sound', fault: null });
      await work.layerCopies.update(damaged, { state: 'quarantined' });
      await work.images.healAbove(base.id);
    });
    assert.deepEqual(await statusesOf(), ['available', 'failed', 'available']);
    assert.equal(
      (await h.call('imageGet', { params: { id: imageId } })).body.attributes.status_reason,
      null,
    );
  });
});

describe('a list of ids', () => {
  it('takes a statement for each portion of it, and not for each id, also in a request', async (t) => {
    let statements: string[] = [];
    const h = await startHarness(t, { reconcile: false, onQuery: (sql) => statements.push(sql) });
    const { body: image } = await h.call('imageInstall');
    await h.service.reconciler.settle();
    const ids: number[] = [];
    for (let made = 0; made < 300; made++) ids.push((await h.addMachine(h.ours)).id);
    const assign = async (machine_ids: number[]) => {
      statements = [];
      assert.equal(
        (await h.call('imageAssign', { params: { id: image.id }, body: { machine_ids } })).status,
        200,
      );
      return statements.length;
    };
    const few = await assign(ids.slice(0, 2));
    const portions = Math.ceil(ids.length / portionMax);
    const many = await assign(ids);
    assert.ok(many <= portions * few, `${many} statements, and ${few} for two machines`);
  });

  it('of guests that ended together, as when their host restarted, is noted in few commits', async (t) => {
    let commits = 0;
    const onQuery = (sql: string) => (commits += Number(sql === 'commit'));
    const h = await startHarness(t, { reconcile: false, onQuery });
    const ids: number[] = [];
    for (let made = 0; made < 100; made++) ids.push((await h.addMachine(h.ours)).id);
    await h.store.write('system', (work) =>
      work.machines.updateMany(ids as MachineId[], { status: 'ready' }),
    );
    commits = 0;
    await h.service.reconciler.task('observe');
    assert.ok(commits < ids.length / 2, `${commits} commits`);
    const ready = await h.store.read('system', (work) => work.machines.ready());
    assert.deepEqual(ready, []);
  });
});
