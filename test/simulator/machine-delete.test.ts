// The commands that delete machines and bring them back.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startDemo } from './demo.ts';

describe('silversmith machine delete', () => {
  it('says in numbers what is lost, deletes names and ranges, and undelete brings them back', async (t) => {
    const { run } = await startDemo(t);
    const ids = async (...more: string[]) =>
      (await run('machine', 'list', '--quiet', ...more)).out.trim().split('\n').sort();
    const all = await ids();
    assert.equal((await run('machine', 'start', '1')).code, 0);
    const on = await run('machine', 'delete', '1', '--yes');
    assert.deepEqual([on.code, /is ready; stop it/.test(on.err)], [5, true]);
    assert.equal((await run('machine', 'stop', '1')).code, 0);
    const asked = await run('machine', 'delete', '1-3');
    assert.match(
      asked.err,
      /Delete 3 machines: 1 .*\n +3 machines, with the links.*\n +1 disk with/,
    );
    assert.match(asked.err, /Nothing was changed.*--yes/);
    const plan = JSON.parse((await run('machine', 'delete', '1-3', '--dry-run', '--json')).out);
    assert.deepEqual([plan.dry_run, plan.machines, plan.disks], [true, 3, 1]);
    assert.deepEqual(await ids(), all);
    const gone = await run('machine', 'delete', '1-3', '--yes');
    assert.match(gone.err, /silversmith machine undelete 1-3/);
    assert.deepEqual(
      await ids(),
      all.filter((id) => !['1', '2', '3'].includes(id)),
    );
    assert.deepEqual(await ids('--deleted'), ['1', '2', '3']);
    assert.equal((await run('machine', 'delete', '1', '--yes')).code, 3);
    const unknown = await run('machine', 'undelete', '4');
    assert.match(unknown.err, /no deleted machine 4; see: silversmith machine list --deleted/);
    const named =
      (await run('machine', 'list', '--deleted', '-o', 'name')).out.split('\n')[0] ?? '';
    assert.equal((await run('machine', 'undelete', named)).code, 0);
    assert.equal((await run('machine', 'undelete', ...(await ids('--deleted')))).code, 0);
    assert.deepEqual(await ids(), all);
  });
});
