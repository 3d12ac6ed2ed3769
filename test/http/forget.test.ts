// Rows that are forgotten by their age: output of builds, deleted images and deleted machines.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { movableClock } from '../support.ts';
import { settled } from './settled.ts';

const dayMs = 24 * 3600_000;

/** The whole stack with a clock that is put forward, and its rows and log. */
async function aging(t: TestContext) {
  const { clock, advance } = movableClock();
  const logged: Record<string, unknown>[] = [];
  const statements: string[] = [];
  const given = await settled(t, {
    clock,
    settings: { outputKeptMs: 10 * dayMs, deletedKeptMs: 20 * dayMs },
    writeLog: (line) => void logged.push(JSON.parse(line)),
    onQuery: (sql) => statements.push(sql),
  });
  const { h } = given;
  const database = new DatabaseSync(join(h.dataDir, 'silversmith.db'));
  t.after(() => database.close());
  const count = (table: string, where = 'true') =>
    database.prepare(`select count(*) as n from ${table} where ${where}`).get()?.n;
  /** Lets time pass, and collects until the guard has seen that it did. */
  const pass = async (days: number) => {
    advance(days * dayMs);
    for (let round = 0; round < 3; round++) {
      await h.service.reconciler.task('collect');
      advance(11 * 60_000);
    }
  };
  const forgotten = (what: RegExp) =>
    logged
      .filter(({ msg }) => what.test(String(msg)))
      .reduce((sum, one) => sum + Number(one.count), 0);
  return { ...given, count, pass, forgotten, statements, database };
}

describe('rows whose time is over', () => {
  it('lose the output of builds, and keep their steps', async (t) => {
    const { h, does, install, count, pass, forgotten } = await aging(t);
    const image = await install([h.editor.id, h.browser.id]);
    assert.equal(count('build_step', "output <> ''"), 2);
    await pass(5);
    assert.equal(count('build_step', "output <> ''"), 2);
    await pass(6);
    const { steps } = await does('imageLog', image);
    assert.deepEqual(
      steps.map(({ name, output }: { name: string; output: string }) => [name, output]),
      [
        ['Editor', ''],
        ['Browser', ''],
      ],
    );
    assert.equal(forgotten(/lost their output/), 2);
  });

  it('go when an image or a machine was deleted long ago and nothing needs them', async (t) => {
    const { h, id, does, install, count, pass, forgotten, write } = await aging(t);
    const image = await install([h.editor.id]);
    await does('imageAssign', image, { machine_ids: [id] });
    await write('of its user');
    await does('machineDelete', id);
    await does('imageDelete', image);
    await pass(19);
    assert.deepEqual([count('image'), count('machine')], [1, 2]);
    await pass(2);
    assert.deepEqual([count('image'), count('machine'), count('build_step')], [0, 1, 0]);
    assert.deepEqual([forgotten(/images are/), forgotten(/machines are/)], [1, 1]);
    assert.equal((await does('machineUndelete', id)).client_code, 404);
    assert.equal((await h.call('userActionLogList')).status, 200);
  });

  it('stay while a machine, a disk or an undo needs them', async (t) => {
    const { h, id, does, install, count, pass, write } = await aging(t);
    const [first, second] = [await install([h.editor.id]), await install([h.browser.id])];
    await does('imageAssign', first, { machine_ids: [id] });
    await write('of its user');
    await does('imageAssign', second, { machine_ids: [id] });
    await does('machineDelete', h.machines[1] ?? 0);
    assert.equal((await does('machineUndelete', h.machines[1] ?? 0)).client_code, 200);
    await does('imageDelete', first);
    await pass(40);
    assert.deepEqual([count('image'), count('machine')], [2, 2]);
    assert.equal((await does('imageAssignUndo', second)).client_code, 200);
    await does('machineStart', id);
    assert.equal((await does('machineGet', id)).attributes.friendly_status, 'ready');
  });

  it('are looked up by an index, and no more than a portion at once', async (t) => {
    const { h, install, count, pass, statements, database } = await aging(t);
    await install([]);
    database.exec(`with recursive n (i) as (select 1 union all select i + 1 from n where i < 1200)
      insert into image (organisation_id, name, name_folded, size_gb, status, source, created_at,
        updated_at, deleted_at)
      select ${h.ours}, 'x', 'x', 1, 'failed', 'seat', 1, 1, 2 from n`);
    statements.length = 0;
    await pass(1);
    assert.equal(count('image'), 1);
    const removals = statements.filter((sql) => /^delete from "image" /.test(sql));
    assert.ok(removals.length >= 3);
    const looks = statements.filter((sql) => /"deleted_at" < |build_step where output/.test(sql));
    assert.ok(looks.length >= 3);
    for (const sql of new Set(looks.filter((one) => / limit /.test(one)))) {
      const rows = database.prepare(`explain query plan ${sql}`).all();
      const plan = rows.map(({ detail }) => String(detail)).join('; ');
      assert.match(plan, /USING (COVERING )?INDEX (\w+_gone\w*|build_step_printed)/, sql);
      assert.doesNotMatch(plan, /SCAN image|TEMP B-TREE FOR ORDER/, plan);
    }
  });
});
