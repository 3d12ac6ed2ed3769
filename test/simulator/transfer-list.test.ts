// The commands that list and delete transfers.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createClient } from '../../src/client/silversmith.ts';
import { startDemo } from './demo.ts';

describe('silversmith transfer', () => {
  it('lists uploads, and deletes them once it has said what is lost', async (t) => {
    const { run, dataDir } = await startDemo(t);
    const { url, key, secret } = JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8'));
    const client = createClient({ url, key, secret });
    const { id } = await client.imageImport({ size_bytes: 5, name: 'Brought' });
    const listed = await Array.fromAsync(client.transfers({ per_page: 1 }));
    assert.deepEqual(
      listed.map((one) => one.id),
      [id],
    );
    assert.match((await run('transfer', 'list')).out, /ID +KIND.*\n.*import +Brought +receiving/);
    const asked = await run('transfer', 'delete', id);
    assert.match(asked.err, /1 file with 0\S* MB on the server.*\n.*cannot be undone/);
    assert.equal((await run('transfer', 'delete', 'nothing', '--yes')).code, 3);
    assert.equal((await run('transfer', 'delete', id, '--yes')).code, 0);
    assert.equal((await run('transfer', 'list', '--quiet')).out, '');
  });
});
