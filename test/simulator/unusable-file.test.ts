// The messages for files, folders and keys that cannot be used.

import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createClient } from '../../src/client/client.ts';
import { smallDisk } from '../small-disk.ts';
import { leftOutWithoutRoot, temporaryFolder } from '../support.ts';
import { startDemo } from './demo.ts';
import { type Row, refuses } from './refuses.ts';

describe('a file that cannot be used', () => {
  it('is named before any work begins', async (t) => {
    const { runIn, run, dataDir } = await startDemo(t);
    const folder = await temporaryFolder(t);
    const [text, json, empty] = [join(folder, 'text'), join(folder, 'json'), join(folder, 'empty')];
    await writeFile(text, 'not JSON');
    await writeFile(json, '{"manifest": 1}');
    await writeFile(empty, '');
    await run('image', 'install', '4', '--name', 'One');
    const recipe = ['software', 'add', '--name', 'X', '--size', '1'];
    const base = ['base', 'add', '--name', 'X'];
    const backup = join(folder, 'backup');
    await mkdir(backup);
    await writeFile(join(backup, 'backup.json'), '{');
    await refuses(runIn, [
      [
        ['image', 'export', '1', '--output', '/nowhere/x.qcow2'],
        /--output: the folder \/nowhere is not there/,
      ],
      [['image', 'export', '1', '--output', join(text, 'x')], /--output: .*text is not a folder/],
      [['image', 'export', '1', '--output', folder], /--output: .*is there already/],
      [
        ['image', 'export', '1', '--output', '/proc/x'],
        /--output: the folder \/proc cannot be written/,
      ],
      [['image', 'export', '1', '--output', ''], /--output is "".*file/],
      [['image', 'import', '/nowhere'], /\/nowhere is not there/],
      [['image', 'import', folder], /is a folder; give a file/],
      [['image', 'import', empty], /empty is empty/],
      [['image', 'import', text, '--manifest', '/nowhere'], /--manifest: \/nowhere is not there/],
      [['image', 'import', text, '--manifest', text], /--manifest: .*text is not JSON/],
      [['image', 'import', text, '--manifest', json], /--manifest: .*json lacks manifest/],
      [[...recipe, '--script', '/nowhere'], /--script: \/nowhere is not there/],
      [[...recipe, '--script', folder], /--script: .*is a folder/],
      [[...recipe, '--script', text, '--file', '/nowhere'], /--file: \/nowhere is not there/],
      [[...base, '--file', '/nowhere'], /--file: \/nowhere is not there/],
      [
        [...base, '--file', text, '--kernel', '/nowhere', '--initrd', text],
        /--kernel: \/nowhere is not there/,
      ],
      [[...base, '--file', text, '--kernel', text], /both --kernel and --initrd/],
      [['backup', '--to', text], /--to: .*text is not a folder/],
      [['backup', '--to', join(text, 'x')], /--to: .*text is not a folder/],
      [['backup', '--to', '/proc/x'], /\/proc\/x is not there; check the path|\/proc\/x may not/],
      [
        ['serve', '--data-dir', '/proc/x/y'],
        /The data directory \/proc\/x\/y cannot be used: \/proc\/x/,
      ],
      [['backup', '--to', backup], /--to: .*is not empty/],
      [
        ['restore', '--from', text, '--data-dir', join(folder, 'new')],
        /--from: .*text is not a folder/,
      ],
      [['restore', '--from', folder, '--data-dir', join(folder, 'new')], /is no backup/],
      [
        ['restore', '--from', backup, '--data-dir', join(folder, 'new')],
        /backup\.json is not JSON/,
      ],
      [['key', 'list', '--data-dir', text], /lies below a file, which is not a folder/],
      [
        ['serve', '--port', '0', '--data-dir', text],
        /data directory .*text cannot be used.*is there already.*--data-dir/,
      ],
    ]);
    const { transfers } = await createClient(
      JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8')),
    )
      .usageGet({})
      .then(async () => ({ transfers: await readdir(join(dataDir, 'transfers')) }));
    assert.deepEqual(transfers, [], 'the server was asked for no file');
  });

  it('is named also when it is a key, a list of keys or the demo’s credentials', async (t) => {
    const { runIn, dataDir, stop, start } = await startDemo(t);
    await stop();
    const file = (name: string) => join(dataDir, name);
    const keys = await readFile(file('master.key'), 'utf8');
    const signing = await readFile(file('signing.key'), 'utf8');
    const list: Row[0] = ['key', 'list'];
    await refuses(runIn, [
      [
        list,
        /SILVERSMITH_MASTER_KEY: key 1 has 2 characters.*64 hexadecimal digits/,
        { SILVERSMITH_MASTER_KEY: 'zz' },
      ],
      [list, /SILVERSMITH_MASTER_KEY: .*no key/, { SILVERSMITH_MASTER_KEY: '' }],
      [
        list,
        /SILVERSMITH_MASTER_KEY: key 2 .*64 hexadecimal digits/,
        { SILVERSMITH_MASTER_KEY: `${keys.trim()},${'g'.repeat(64)}` },
      ],
    ]);
    await rm(file('master.key'));
    await refuses(runIn, [[list, /master\.key is gone.*cannot be opened.*Bring it back/]]);
    await writeFile(file('master.key'), keys, { mode: 0o600 });
    await chmod(file('master.key'), 0o644);
    await refuses(runIn, [[list, /Others may read .*master\.key; type: chmod 600/]]);
    await chmod(file('master.key'), 0o600);
    await writeFile(file('master.key'), 'short\n');
    await refuses(runIn, [[list, /master\.key: key 1 has 5 characters/]]);
    await writeFile(file('master.key'), keys);
    await writeFile(file('trusted.keys'), '\nMCowBQYDK2VwAyEA\n');
    await refuses(runIn, [[list, /trusted\.keys: line 2 is not a public key.*openssl pkey/]]);
    await writeFile(file('trusted.keys'), '');
    await writeFile(file('signing.key'), 'nothing');
    await refuses(runIn, [[list, /signing\.key is not a private key.*backup/]]);
    await writeFile(file('signing.key'), signing);
    const demo = await readFile(file('demo.json'), 'utf8');
    await writeFile(file('demo.json'), '{');
    await refuses(runIn, [
      [['serve', '--port', '0', '--demo'], /--demo: .*demo\.json is not JSON/],
    ]);
    await writeFile(file('demo.json'), demo);
    await start();
  });

  it('is reported when its disk has no room', { skip: leftOutWithoutRoot }, async (t) => {
    const { runIn } = await startDemo(t);
    const small = await smallDisk(t, 0.0625);
    await refuses(runIn, [
      [['serve', '--port', '0', '--data-dir', join(small, 'data')], /disk .*full.*free some/i],
    ]);
  });
});
