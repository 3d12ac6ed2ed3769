// The scripts for guests, on this host instead of a guest: the one that runs a recipe, and the one
// that gives a disk its identity.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { recipeFunctions, renewScript, workFolder } from './guest-script.ts';

/** Runs a recipe with its files, as at the given start of its machine. */
function run(script: string, files: Record<string, string> = {}, boot = 1) {
  const folder = mkdtempSync(join(tmpdir(), 'recipe-'));
  const [recipe, given, work] = [
    join(folder, 'recipe'),
    join(folder, 'files'),
    join(folder, 'work'),
  ];
  try {
    mkdirSync(given);
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(given, name), text, { encoding: 'latin1', mode: 0o555 });
    writeFileSync(recipe, script, { mode: 0o755 });
    const run = { boot, environment: { http_proxy: "http://a'b:1/$x" } };
    const functions = recipeFunctions(recipe, given, run).replaceAll(workFolder, work);
    const sh = (commands: string) =>
      spawnSync('/bin/sh', ['-c', `${functions}\n${commands}`], { encoding: 'utf8' });
    const { status, stdout, stderr } = sh('run_recipe; code=$?; oom_kills; exit $code');
    sh('forget_recipe');
    return { status, output: stdout + stderr, isForgotten: !existsSync(work) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('run_recipe', () => {
  it('gives the recipe a folder that it can write to, with its files, and removes it at the end', () => {
    const script = 'tar xf a.tar && cat inside && ./b.sh && touch new && sed -i s/1/2/ c && cat c';
    const folder = mkdtempSync(join(tmpdir(), 'tar-'));
    writeFileSync(join(folder, 'inside'), 'unpacked\n');
    spawnSync('tar', ['cf', 'a.tar', 'inside'], { cwd: folder });
    const tar = spawnSync('cat', [join(folder, 'a.tar')], { encoding: 'latin1' }).stdout;
    rmSync(folder, { recursive: true });
    const files = { 'a.tar': tar, 'b.sh': '#!/bin/sh\necho ran\n', c: 'a 1\n' };
    const { status, output, isForgotten } = run(script, files);
    assert.match(output, /^unpacked\nran\na 2\n/);
    assert.deepEqual([status, isForgotten], [0, true]);
  });

  it('ends with the status of the recipe, of which it is no part', () => {
    assert.equal(run('exit 7').status, 7);
    assert.equal(run('#!/bin/sh -e\nfalse\ntrue').status, 1);
    assert.equal(run('set -u; echo $code$first$program').status, 2);
    assert.match(run('read -r line || echo no input').output, /no input/);
  });

  it('names an interpreter that the base does not have', () => {
    for (const line of ['#!/usr/bin/none', '#! /opt/none -x', '#!/usr/bin/env -S A=1 none -u']) {
      const { status, output } = run(`${line}\necho never`);
      assert.equal(status, 127, output);
      assert.match(output, /this base has no (\S*\/)?none\. Install it/);
    }
    for (const line of ['#!/bin/sh', '#! /usr/bin/env sh', '#!/usr/bin/env -S A=1 sh -u'])
      assert.match(run(`${line}\necho here`).output, /^here\n/);
  });

  it('gives variables to the recipe as they are', () => {
    assert.match(run('echo "$http_proxy"').output, /^http:\/\/a'b:1\/\$x\n/);
  });

  it('tells which start of the machine it is', () => {
    assert.match(run('echo boot $SILVERSMITH_BOOT', {}, 2).output, /^boot 2\n/);
  });

  it('counts the processes that were ended because the memory was full', () => {
    assert.match(run('true').output, /^\d+\n$/);
  });
});

/** A disk that was copied from another machine, on which the script runs instead of in a guest. */
function copiedDisk(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'identity-'));
  t.after(() => rmSync(root, { recursive: true }));
  const bin = join(root, 'bin');
  for (const folder of ['bin', 'etc/ssh', 'proc/sys/kernel', 'run/cloud-init', 'var/lib/systemd'])
    mkdirSync(join(root, folder), { recursive: true });
  const write = (path: string, text: string) => writeFileSync(join(root, path), text);
  const read = (path: string) =>
    existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8').trim() : null;
  const key = 'etc/ssh/ssh_host_rsa_key';
  for (const [path, text] of [
    [key, 'copied'],
    ['etc/machine-id', 'f'.repeat(32)],
    ['etc/hostname', 'copied'],
    ['var/lib/systemd/random-seed', 'copied'],
  ] as const)
    write(path, text);
  const programs = {
    'ssh-keygen': `echo new >>${join(root, key)}`,
    'make-ssl-cert': 'exit 0',
    systemctl: `echo "$@" >>${join(root, 'restarted')}`,
    hostname: 'exit 1',
    umount: 'exit 1',
  };
  for (const [name, text] of Object.entries(programs))
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  /** Returns its exit status. */
  const run = (...given: Parameters<typeof renewScript>) => {
    const script = renewScript(...given)
      .replaceAll(/(?<=[\s"'<>=])\/(?=(etc|proc|run|var\/(lib|log))\/)/g, `${root}/`)
      .replace('PATH=', `PATH=${bin}:`);
    const { status, stderr } = spawnSync('sh', { input: script, encoding: 'utf8' });
    assert.equal(stderr, '');
    return status;
  };
  const state = () => ({
    mark: read('var/lib/silversmith/identity'),
    names: [read('etc/machine-id'), read('etc/hostname'), read('proc/sys/kernel/hostname')],
    key: read(key),
    seed: read('var/lib/systemd/random-seed') === 'copied',
    restarted: read('restarted') !== null,
  });
  return { run, write, state };
}

describe('the script that gives a disk its identity', () => {
  const identity = { instance: 'a1b2', machineId: '0'.repeat(32), hostName: 'studio-1' };
  const names = [identity.machineId, 'studio-1', 'studio-1'];
  const whole = { mark: 'a1b2', names, key: 'new', seed: false, restarted: true };

  it('is run to its end by whatever comes after another, and once', (t) => {
    const runners = ['early', 'all', 'agent'] as const;
    for (const first of runners)
      for (const second of runners) {
        const { run, state } = copiedDisk(t);
        assert.equal(run(identity, first), 0);
        if (first === 'early')
          assert.deepEqual(state(), { ...whole, mark: null, key: null }, first);
        else assert.deepEqual(state(), whole, first);
        assert.equal(run(identity, second), 0, `${second} after ${first}`);
        if (first !== 'early' || second !== 'early') assert.deepEqual(state(), whole);
        const other = { ...identity, instance: 'c3d4', hostName: 'studio-20' };
        assert.equal(run(other, 'all'), 0);
        assert.deepEqual([state().mark, state().names[1]], ['c3d4', 'studio-20']);
      }
  });

  it('is left to cloud-init by the agent while that is at work', (t) => {
    const { run, write, state } = copiedDisk(t);
    write('run/cloud-init/enabled', '');
    assert.equal(run(identity, 'agent'), 75);
    assert.deepEqual([state().mark, state().key], [null, 'copied']);
    write('run/cloud-init/result.json', '');
    assert.equal(run(identity, 'agent'), 0);
    assert.deepEqual(state(), whole);
  });

  it('makes new keys and keeps the names where the machine becomes a template', (t) => {
    for (const runners of [['early', 'all'], ['all'], ['agent']] as const) {
      const { run, state } = copiedDisk(t);
      for (const runner of runners) assert.equal(run(identity, runner, { template: true }), 0);
      const kept = ['f'.repeat(32), 'copied', null];
      assert.deepEqual(state(), { ...whole, names: kept });
    }
  });
});
