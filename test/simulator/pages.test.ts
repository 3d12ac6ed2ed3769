// The reference, the manual page and the completion of each shell, as printed from the commands.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { commandReference } from '../../src/bin/print/reference.ts';
import { commandsPage } from '../../tools/print-commands.ts';
import { entry } from '../server-process.ts';
import { type Scope, temporaryFolder } from '../support.ts';
import { runIn, startDemo } from './demo.ts';

const run = promisify(execFile);

/** A folder with the program as it is installed, and the completion of a shell in a file. */
async function installed(t: Scope, shell: string) {
  const folder = await temporaryFolder(t);
  const [program, script] = [join(folder, 'silversmith'), join(folder, 'completion')];
  await writeFile(program, `#!/bin/sh\nexec ${process.execPath} ${entry} "$@"\n`);
  await chmod(program, 0o755);
  await writeFile(script, (await runIn('/nowhere')('completion', shell)).out);
  return { folder, script };
}

describe('a page that is printed from the commands', () => {
  it('is the reference in the documentation', async () => {
    assert.equal(
      await readFile(commandsPage, 'utf8'),
      await commandReference(),
      'type: npm run commands',
    );
  });

  it('is a manual page that troff takes without a warning, with every command', async (t) => {
    const { out } = await runIn('/nowhere')('manual');
    const file = join(await temporaryFolder(t), 'silversmith.1');
    await writeFile(file, out);
    const { stdout, stderr } = await run('groff', ['-man', '-Tutf8', '-ww', file]);
    assert.equal(stderr, '');
    // A terminal prints bold letters twice.
    const plain = stdout.replaceAll(/.[\b]/g, '');
    for (const what of ['image install', 'machine start', 'key revoke', 'EXIT STATUS'])
      assert.match(plain, new RegExp(what));
  });
});

describe('completion', { concurrency: 3 }, () => {
  it('of bash gives words, verbs, options, choices and names', async (t) => {
    const { environment } = await startDemo(t);
    const { folder, script } = await installed(t, 'bash');
    const complete = async (...typed: string[]) => {
      const words = typed.map((word) => `'${word}'`).join(' ');
      const line = `source ${script}; COMP_WORDS=(silversmith ${words}); COMP_CWORD=${typed.length}; _silversmith; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const env = { ...environment, PATH: `${folder}:${process.env.PATH}` };
      return (await run('bash', ['-c', line], { env })).stdout.trim().split('\n');
    };
    assert.deepEqual(await complete('mach'), ['machine', 'machine-type']);
    assert.deepEqual(await complete('image', 'cap'), ['capture']);
    assert.deepEqual(await complete('image', 'list', '--se'), ['--secret', '--search']);
    assert.deepEqual(await complete('image', 'list', '-o', 'y'), ['yaml']);
    assert.deepEqual(await complete('image', '--wrong', 'export', 'x', '--format', ''), [
      'qcow2',
      'raw',
    ]);
    const sixth = ['Machine\\ #6'];
    assert.deepEqual(await complete('machine', 'start', '1', 'Machine\\ #6'), sixth);
    assert.deepEqual(await complete('base', 'add', '--file', script), [script]);
  });

  it('of zsh and fish gives the same', async (t) => {
    const zsh = await installed(t, 'zsh');
    const shim = `compdef() { :; }; compadd() { shift; print -l -- "$@"; }; source ${zsh.script}; words=(silversmith image list -o ''); CURRENT=5; _silversmith; words=(silversmith mach ''); CURRENT=2; _silversmith`;
    const { stdout: z } = await run('zsh', ['-f', '-c', shim]);
    assert.match(z, /^table\njson\nyaml\nname\ntemplate\n/);
    assert.match(z, /\nmachine\n/);
    const { folder, script } = await installed(t, 'fish');
    const env = { PATH: `${folder}:${process.env.PATH}`, HOME: folder, TERM: 'xterm' };
    const complete = async (line: string) =>
      (await run('fish', ['--no-config', '-c', `source ${script}; complete -C '${line}'`], { env }))
        .stdout;
    assert.match(await complete('silversmith mach'), /^machine\t.*\nmachine-type\t/);
    assert.match(await complete('silversmith image cap'), /^capture\tcreate an image/);
    assert.match(await complete('silversmith image list --output '), /^json\b.*yaml/s);
    assert.match(await complete('silversmith image list --sor'), /^--sort\t/);
  });
});
