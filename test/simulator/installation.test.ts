// A data directory on the command line: which version and which engine may open it.

import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { newMasterKey } from '../../src/lib/master-key.ts';
import { lockDataDir } from '../../src/store/sqlite/lock.ts';
import { versions } from '../contract/upgrade/schemas.ts';
import { storeOf } from '../sqlite/schemas.ts';
import { type Scope, temporaryFolder, waitFor } from '../support.ts';
import { runIn, startDemo } from './demo.ts';

/**
 * A folder on which a server of an older version runs, and the command line of this version.
 */
async function servedByOlder(t: Scope) {
  const dataDir = await temporaryFolder(t);
  await storeOf(dataDir, '0006-generalize');
  return { dataDir, lock: lockDataDir(dataDir), run: runIn(dataDir) };
}

/** Writes a master key, without which a store with access keys is not opened. */
const giveKey = (dataDir: string) =>
  writeFile(join(dataDir, 'master.key'), `${newMasterKey()}\n`, { mode: 0o600 });

const madeIn = (dataDir: string) => {
  const database = new DatabaseSync(join(dataDir, 'silversmith.db'));
  try {
    return database.prepare('select name from kysely_migration').all().length;
  } finally {
    database.close();
  }
};

describe('a data directory whose server is of an older version', () => {
  it('is changed by no command and no second server until that server has ended', {
    timeout: 300_000,
  }, async (t) => {
    const { dataDir, lock, run } = await servedByOlder(t);
    const before = madeIn(dataDir);
    const [listed, served] = await Promise.all([run('key', 'list'), run('serve', '--port', '0')]);
    assert.deepEqual([listed.code, served.code], [6, 6]);
    assert.match(
      listed.err,
      /is of an older Silversmith, and a server is running on it. Stop that server first/,
    );
    assert.match(served.err, /Another server is running/);
    assert.equal(madeIn(dataDir), before);
    await assert.rejects(readFile(join(dataDir, 'master.key')), { code: 'ENOENT' });
    lock.release();
    await giveKey(dataDir);
    assert.equal((await run('key', 'list')).code, 0);
    assert.equal(madeIn(dataDir), versions.length);
  });
});

describe('a data directory of a newer version', () => {
  it('is refused by every command and by a server, and left as it is', async (t) => {
    const dataDir = await temporaryFolder(t);
    await storeOf(dataDir, versions.at(-1) ?? '');
    const database = new DatabaseSync(join(dataDir, 'silversmith.db'));
    database.exec(
      "insert into kysely_migration (name, timestamp) values ('9999-of-tomorrow', '2030-01-01')",
    );
    database.close();
    const before = await readFile(join(dataDir, 'silversmith.db'));
    const run = runIn(dataDir);
    for (const args of [
      ['serve', '--port', '0'],
      ['key', 'list'],
      ['backup', '--to', join(dataDir, 'copy')],
      ['doctor'],
    ]) {
      const { code, err } = await run(...args);
      assert.deepEqual(
        [code > 0, /written by a newer Silversmith; use that one/.test(err)],
        [true, true],
        args.join(' '),
      );
    }
    assert.deepEqual(await readFile(join(dataDir, 'silversmith.db')), before);
    await assert.rejects(readFile(join(dataDir, 'master.key')), { code: 'ENOENT' });
  });
});

/** The bytes of every file in a folder, except the lock, because it is not data. */
async function contentOf(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name !== 'lock.db');
  const read = async (path: string) => [path, (await readFile(path)).toString('base64')] as const;
  return Object.fromEntries(
    await Promise.all(files.map((entry) => read(join(entry.parentPath, entry.name)))),
  );
}

const belongs = (own: string, asked: string) =>
  new RegExp(`belongs to the ${own} engine, and ${asked} is asked for`);

describe('a data directory', () => {
  it('is refused when its store is gone or empty, and no new store is made in its place', {
    timeout: 300_000,
  }, async (t) => {
    const demo = await startDemo(t);
    await demo.stop();
    const file = join(demo.dataDir, 'silversmith.db');
    for (const lose of [() => writeFile(file, ''), () => rm(file)]) {
      await rename(file, `${file}.away`);
      await writeFile(file, '');
      await lose();
      for (const words of [
        ['key', 'list'],
        ['serve', '--port', '0'],
      ]) {
        const answer = await demo.run(...words);
        assert.notEqual(answer.code, 0);
        assert.match(
          answer.err,
          /The store \S+ is gone, though .* has data. Put it back, or bring a backup back/,
        );
      }
      await rename(`${file}.away`, file);
    }
    await demo.start();
    assert.equal((await demo.run('machine', 'list')).code, 0);
  });

  it('is not served when it is a backup, and takes no backup into itself', {
    timeout: 300_000,
  }, async (t) => {
    const demo = await startDemo(t);
    const folder = join(await temporaryFolder(t), 'backup');
    assert.match(
      (await demo.run('backup', '--to', join(demo.dataDir, 'sub'))).err,
      /lies in the data directory/,
    );
    assert.equal((await demo.run('backup', '--to', folder)).code, 0);
    const before = await readdir(folder);
    for (const words of [
      ['key', 'list'],
      ['serve', '--port', '0'],
    ])
      assert.match(
        (await demo.run(...words, '--data-dir', folder)).err,
        /is a backup, which a server would change/,
      );
    assert.deepEqual(await readdir(folder), before);
  });
});

describe('the data of one engine', () => {
  it('is not opened with another engine, by a server or a command, and is left as it is', {
    timeout: 300_000,
  }, async (t) => {
    const demo = await startDemo(t);
    const file = join(demo.dataDir, 'installation.json');
    assert.match(JSON.parse(await readFile(file, 'utf8')).id, /^[0-9a-f]{24}$/);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.match((await runIn(demo.dataDir, 'qemu')('doctor')).err, belongs('simulator', 'qemu'));
    await demo.stop();
    const before = await contentOf(demo.dataDir);
    const asQemu = ['serve', '--data-dir', demo.dataDir, '--engine', 'qemu', '--port', '0'];
    const served = await demo.runAlone(...asQemu);
    assert.notEqual(served.code, 0);
    assert.match(served.err, belongs('simulator', 'qemu'));
    for (const args of [
      ['key', 'list'],
      ['storage'],
      ['layer', 'verify'],
      ['backup', '--to', join(demo.dataDir, 'copy')],
    ])
      assert.match(
        (await runIn(demo.dataDir, 'qemu')(...args)).err,
        belongs('simulator', 'qemu'),
        args.join(' '),
      );
    assert.deepEqual(await contentOf(demo.dataDir), before);
    await demo.start();
  });

  it('is opened with its own engine when no engine is named', { timeout: 300_000 }, async (t) => {
    const demo = await startDemo(t);
    const run = runIn(demo.dataDir, null);
    assert.match((await run('doctor')).out, /All is well/);
    assert.match((await run('tour')).out, /That was the tour/);
    const folder = join(await temporaryFolder(t), 'backup');
    assert.equal((await run('backup', '--to', folder)).code, 0);
    // The restored directory is another installation on the same engine.
    const dataDir = join(await temporaryFolder(t), 'restored');
    const restored = runIn(dataDir, null);
    assert.match(
      (await runIn(dataDir, 'qemu')('restore', '--from', folder)).err,
      /is a backup of the simulator engine/,
    );
    await assert.rejects(readdir(dataDir), { code: 'ENOENT' });
    assert.match((await restored('restore', '--from', folder)).out, /All is well/);
    const [one, other] = await Promise.all(
      [demo.dataDir, dataDir].map(async (at) =>
        JSON.parse(await readFile(join(at, 'installation.json'), 'utf8')),
      ),
    );
    assert.deepEqual([one.engine, other.engine], ['simulator', 'simulator']);
    assert.notEqual(one.id, other.id);
  });

  it('tells its engine by its files when an earlier version made it', async (t) => {
    const dataDir = await temporaryFolder(t);
    await storeOf(dataDir, '0007-hold');
    const layers = join(dataDir, 'engine', 'layers');
    await mkdir(layers, { recursive: true });
    await writeFile(join(layers, `${'a'.repeat(24)}.qcow2`), 'QFI\xfb and more');
    // A start of that version with the wrong engine left this file.
    await writeFile(
      join(dataDir, 'engine', 'simulator.json'),
      '{"layers":{},"disks":{},"machines":{},"files":{}}',
    );
    await giveKey(dataDir);
    const before = await contentOf(dataDir);
    const run = runIn(dataDir);
    for (const args of [['serve', '--port', '0'], ['key', 'list'], ['doctor']])
      assert.match((await run(...args)).err, belongs('qemu', 'simulator'), args.join(' '));
    assert.deepEqual(await contentOf(dataDir), before);
    assert.equal((await runIn(dataDir, null)('key', 'list')).code, 0);
  });

  it('is used again after a start with its own engine when another engine reported it missing', {
    timeout: 300_000,
  }, async (t) => {
    const demo = await startDemo(t);
    const image = JSON.parse((await demo.run('image', 'install', '4', '--json')).out);
    const status = async () =>
      JSON.parse((await demo.run('image', 'show', image.id, '--json')).out).attributes.status;
    assert.equal(await status(), 'available');
    assert.equal((await demo.run('layer', 'verify')).code, 0);
    await demo.stop();
    // An engine that sees none of the data, which earlier versions allowed.
    const state = join(demo.dataDir, 'engine', 'simulator.json');
    const harm = async () => {
      await rename(state, `${state}.aside`);
      await demo.start();
      await waitFor('all is called missing', async () => (await status()) === 'failed');
    };
    await harm();
    await demo.stop();
    await rename(`${state}.aside`, state);
    await demo.start();
    await waitFor('it is used again', async () => (await status()) === 'available');
    assert.match((await demo.run('doctor')).out, /All is well/);

    // A command ends the quarantine too, while the server is stopped.
    await demo.stop();
    await harm();
    assert.match(
      (await demo.run('doctor')).out,
      /is missing on the disk of the host\n {2}cure: bring its bytes back/,
    );
    assert.equal((await demo.run('layer', 'verify')).code, 1);
    await demo.stop();
    await rename(`${state}.aside`, state);
    const found = JSON.parse((await demo.run('layer', 'verify', '--json')).out);
    assert.deepEqual(
      new Set(found.map(({ result }: { result: string }) => result)),
      new Set(['sound again']),
    );
    assert.match((await demo.run('doctor', '--deep')).out, /All is well/);
    await demo.start();
    assert.equal(await status(), 'available');
  });
});
