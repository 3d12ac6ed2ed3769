// The script that runs a recipe, on this host instead of a guest.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { recipeFunctions, workFolder } from './guest-script.ts';

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
