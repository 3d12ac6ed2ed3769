// Exports and imports on the command line, and an export that was cut off.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createClient } from '../../src/client/client.ts';
import { startDemo } from './demo.ts';

describe('silversmith image export and import', () => {
  it('write an image to a file, resume after an interruption, and make an image of the file', async (t) => {
    const { run, dataDir } = await startDemo(t);
    const installed = await run('image', 'install', '4', '--name', 'With htop', '--json');
    assert.equal(installed.code, 0, installed.err);
    const image = JSON.parse(installed.out);
    assert.deepEqual([image.attributes.name, image.attributes.status], ['With htop', 'available']);
    assert.match((await run('image', 'delete', image.id, '--yes')).out, /deleted/);
    const file = join(dataDir, 'exported.qcow2');
    const out = await run('image', 'export', image.id, '--output', file);
    assert.match(out.err, /no image/);
    assert.match((await run('image', 'restore', image.id)).out, /With htop/);
    const done = await run('image', 'export', image.id, '--output', file);
    assert.match(done.out, /exported\.qcow2 \(0\.0 MB\), manifest in .*, provenance in/, done.err);
    assert.match(
      (await run('image', 'export', image.id, '--output', file)).err,
      /is there already/,
    );
    assert.match(
      (await run('image', 'import', file, '--name', 'Copied')).out,
      /Image \d+ \(Copied\) is available/,
    );
    assert.match((await run('image', 'import', '/nowhere')).err, /is not there/);
    // A download that was cut off resumes where it ended; bytes of another file are refused.
    const client = createClient(JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8')));
    const cut = (await client.imageExport({ id: Number(image.id) })).id;
    const second = join(dataDir, 'second.qcow2');
    await writeFile(`${second}.part`, (await readFile(file)).subarray(0, 20));
    assert.match(
      (await run('image', 'export', image.id, '--output', second, '--resume', cut)).out,
      /second\.qcow2/,
    );
    assert.deepEqual(await readFile(second), await readFile(file));
    const third = join(dataDir, 'third.qcow2');
    const other = (await client.imageExport({ id: Number(image.id) })).id;
    await writeFile(`${third}.part`, 'something else that lies here');
    const mixed = await run('image', 'export', image.id, '--output', third, '--resume', other);
    assert.match(mixed.err, /are not those of the export; delete it/);
    assert.match(
      (await run('image', 'import', file, '--heal', image.id)).err,
      /only a damaged image can be healed/,
    );
  });

  it('end as soon as the last answer has come, in processes of their own', async (t) => {
    const { run, runAlone, dataDir } = await startDemo(t);
    assert.equal((await run('image', 'install', '--name', 'Plain')).code, 0);
    const file = join(dataDir, 'plain.qcow2');
    let startedAt = performance.now();
    const exported = await runAlone('image', 'export', 'Plain', '--output', file);
    assert.equal(exported.code, 0, exported.err);
    // An answer that nobody reads holds its connection, and the process, for 30 s.
    assert.ok(performance.now() - startedAt < 28_000);
    startedAt = performance.now();
    const imported = await runAlone('image', 'import', file, '--name', 'Again');
    assert.equal(imported.code, 0, imported.err);
    assert.ok(performance.now() - startedAt < 28_000);
  });
});
