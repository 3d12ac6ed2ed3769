// Profiles: how login makes them, what is kept of a secret and where, and which credentials count.

import assert from 'node:assert/strict';
import {
  chmod,
  lstat,
  readdir,
  readFile,
  rename,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { describe, it } from 'node:test';
import { profilesFile } from '../../src/lib/folders.ts';
import { type Scope, temporaryFolder } from '../support.ts';
import { startDemo } from './demo.ts';
import { inTerminal } from './pseudo-terminal.ts';
import { refuses } from './refuses.ts';

/** Starts a demo, and resolves to the environment of a user that has nothing but a home. */
async function start(t: Scope) {
  const demo = await startDemo(t);
  const { url, key, secret } = JSON.parse(await readFile(join(demo.dataDir, 'demo.json'), 'utf8'));
  const home = await temporaryFolder(t);
  const env = { PATH: process.env.PATH, HOME: home, XDG_CONFIG_HOME: home };
  const file = join(home, 'silversmith', 'profiles.json');
  // The demo's own environment names a data directory, which counts before the profile in use.
  const none = { SILVERSMITH_DATA_DIR: undefined } as unknown as Record<string, string>;
  const run = (more: Record<string, string>, ...args: string[]) =>
    demo.runIn({ ...none, HOME: home, XDG_CONFIG_HOME: home, ...more }, ...args);
  const login = (...args: string[]) => run({}, 'login', '--url', url, '--key', key, ...args);
  const printing = (text: string) => [
    process.execPath,
    '-e',
    `console.log(${JSON.stringify(text)})`,
  ];
  return { ...demo, run, login, printing, url, key, secret, home, env, file };
}

describe('login', { concurrency: 2 }, () => {
  it('asks at a terminal, shows no secret, and keeps the profile for its user alone', async (t) => {
    const { env, file, url, key, secret, run } = await start(t);
    const terminal = inTerminal(t, { env }, 'login', '--name', 'office');
    await terminal.shows(/Server: /);
    terminal.type(`${url}\r`);
    await terminal.shows(/Key: /);
    terminal.type(`${key}\r`);
    await terminal.shows(/Secret \(not shown\): /);
    terminal.type(`${secret}\r`);
    assert.equal(await terminal.closed, 0, terminal.shown());
    assert.ok(!terminal.shown().includes(secret), terminal.shown());
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal((await stat(join(file, '..'))).mode & 0o777, 0o700);
    assert.deepEqual(await readdir(join(file, '..')), ['profiles.json']);
    assert.equal((await run({}, 'machine', 'list', '--quiet')).code, 0);
  });

  it('refuses a key that the server does not take, and keeps nothing', async (t) => {
    const { run, login, printing, url, file } = await start(t);
    const wrong = await login('--', ...printing('wrong'));
    assert.deepEqual([wrong.code, /does not take this key/.test(wrong.err)], [4, true], wrong.err);
    const away = ['login', '--url', 'http://127.0.0.1:1', '--key', 'abcdefgh'];
    assert.equal((await run({}, ...away, '--', ...printing('x'))).code, 6);
    await assert.rejects(stat(file));
    await refuses(
      (more, ...args) => run(more, ...args),
      [
        [['login', '--url', url], /Give --key; nobody can be asked/],
        [['login', '--key', 'abcdefgh'], /Give --url; nobody can be asked/],
        [
          ['login', '--url', url, '--key', 'abcdefgh'],
          /Give --secret-stdin, or a program after --/,
        ],
        [['login', '--url', url, '--key', 'abcdefgh', '--name', 'a/b'], /--name .*letters/],
      ],
    );
  });

  it('takes the secret from a program, without a shell, with limits, and never shows what it prints', async (t) => {
    const { login, run, printing, secret, file, home } = await start(t);
    assert.equal((await login('--', ...printing(secret))).code, 0);
    assert.ok(!(await readFile(file, 'utf8')).includes(`"secret": `));
    assert.equal((await run({}, 'machine', 'list')).code, 0);
    assert.match((await run({}, 'profile', 'list')).out, /default .* from .*node +yes/);
    const marker = join(home, 'marker');
    for (const [words, says] of [
      [[`touch ${marker}; echo x`], /cannot be run/],
      [['sh-that-is-not-there'], /cannot be run/],
      [[process.execPath, '-e', 'console.log("hunter2"); process.exit(7)'], /ended with 7/],
      [[process.execPath, '-e', 'console.log("hunter2".repeat(1e5))'], /more than 4096 bytes/],
      [[process.execPath, '-e', ''], /printed nothing/],
    ] as const) {
      const { code, err } = await login('--', ...words);
      assert.deepEqual([code, says.test(err), /hunter2/.test(err)], [2, true, false], err);
    }
    await assert.rejects(stat(marker));
    const sees = `console.log(process.env.SILVERSMITH_KEY ?? ${JSON.stringify(secret)})`;
    const told = await run(
      { SILVERSMITH_KEY: 'abcdefgh', SILVERSMITH_SECRET: 'x' },
      ...['profile', 'list'],
    );
    assert.equal(told.code, 0);
    assert.equal((await login('--', process.execPath, '-e', sees)).code, 0);
  });

  it('is not needed where other credentials are given, and gives way to them', async (t) => {
    const { run, login, printing, url, key, secret, dataDir } = await start(t);
    for (const name of ['good', 'other']) await login('--name', name, '--', ...printing(secret));
    const bad = ['login', '--url', url, '--key', 'abcdefgh', '--name', 'bad', '--no-check'];
    await run({}, ...bad, '--', ...printing('wrong'));
    const code = async (more: Record<string, string>, ...args: string[]) =>
      (await run(more, 'machine', 'list', ...args)).code;
    assert.equal(await code({}), 4, 'the one made last is in use');
    assert.equal(await code({}, '--profile', 'good'), 0);
    assert.equal(await code({ SILVERSMITH_PROFILE: 'good' }), 0);
    const given = { SILVERSMITH_URL: url, SILVERSMITH_KEY: key, SILVERSMITH_SECRET: secret };
    assert.equal(await code(given), 0);
    assert.equal(await code({ ...given, SILVERSMITH_PROFILE: 'bad' }), 0);
    assert.equal(await code(given, '--profile', 'bad'), 4);
    assert.equal(await code({ SILVERSMITH_DATA_DIR: dataDir }), 0);
    assert.equal(await code({}, '--profile', 'good', '--key', 'abcdefgh'), 2);
    assert.equal((await run({}, 'profile', 'use', 'good')).code, 0);
    assert.equal(await code({}), 0);
    const near = await run({}, 'profile', 'use', 'godo');
    assert.deepEqual([near.code, /Did you mean "good"\?/.test(near.err)], [3, true]);
    assert.equal((await run({}, 'profile', 'remove', 'good')).code, 2);
    assert.equal((await run({}, 'profile', 'remove', 'good', '--yes')).code, 0);
    assert.deepEqual((await run({}, 'profile', 'list', '-o', 'name')).out, 'other\nbad\n');
  });

  it('keeps each profile that is made at the same time, and a lock of a process that was killed for seconds', async (t) => {
    const { run, login, printing, secret, file } = await start(t);
    const names = Array.from({ length: 8 }, (_, n) => `at-once-${n}`);
    const all = names.map((name) => login('--no-check', '--name', name, '--', ...printing(secret)));
    for (const { code, err } of await Promise.all(all)) assert.equal(code, 0, err);
    const list = await run({}, 'profile', 'list', '-o', 'name', '--sort', 'name');
    assert.deepEqual(list.out.trim().split('\n'), names);
    await writeFile(`${file}.lock`, '');
    const before = new Date(Date.now() - 60_000);
    await utimes(`${file}.lock`, before, before);
    assert.equal((await run({}, 'profile', 'use', 'at-once-1')).code, 0);
    assert.deepEqual(await readdir(join(file, '..')), ['profiles.json']);
  });

  it('leaves a link to the file of profiles one, and reads none below the folder of the caller', async (t) => {
    const { login, printing, secret, file } = await start(t);
    await login('--', ...printing(secret));
    const kept = join(await temporaryFolder(t), 'kept.json');
    await rename(file, kept);
    await symlink(kept, file);
    assert.equal((await login('--name', 'more', '--', ...printing(secret))).code, 0);
    assert.ok((await lstat(file)).isSymbolicLink());
    assert.match(await readFile(kept, 'utf8'), /"more"/);
    assert.ok(isAbsolute(profilesFile({ HOME: '', XDG_CONFIG_HOME: '' })));
    assert.ok(isAbsolute(profilesFile({ HOME: 'home', XDG_CONFIG_HOME: 'config' })));
  });

  it('says what to do where no profile can be kept', async (t) => {
    const { run, printing, url, key, secret, home } = await start(t);
    const login = ['login', '--url', url, '--key', key, '--', ...printing(secret)];
    const file = join(home, 'a-file');
    await writeFile(file, '');
    for (const place of [file, '/sys']) {
      const { code, err } = await run({ XDG_CONFIG_HOME: place }, ...login);
      assert.deepEqual([code, /cannot be kept in .*Set XDG_CONFIG_HOME/.test(err)], [4, true], err);
    }
    assert.equal((await run({}, ...login)).code, 0);
  });

  it('refuses a file of profiles that others can read or change, or that is broken', async (t) => {
    const { run, login, printing, secret, file } = await start(t);
    await login('--', ...printing(secret));
    const says = async (pattern: RegExp) => {
      const { code, err } = await run({}, 'machine', 'list');
      assert.deepEqual([code, pattern.test(err)], [2, true], err);
    };
    await chmod(file, 0o644);
    await says(/can be read by other users.*chmod 600 .*key rotate/);
    await chmod(file, 0o600);
    await chmod(join(file, '..'), 0o777);
    await says(/can be changed by other users.*chmod 700/);
    await chmod(join(file, '..'), 0o700);
    for (const [text, pattern] of [
      ['{', /is not JSON/],
      ['[]', /lacks profiles/],
      ['{"profiles": {"x": {"url": "http://x", "key": "abcdefgh"}}}', /lacks secret/],
      ['{"profiles": {"x": {"url": "foo", "key": "abcdefgh", "secret": "x"}}}', /url is "foo"/],
    ] as const) {
      await writeFile(file, text, { mode: 0o600 });
      await says(pattern);
    }
    await writeFile(file, 'x'.repeat(2_000_000));
    await says(/too large/);
  });
});
