// The console of a machine in a terminal, and the picture of its screen in a file.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryFolder } from '../support.ts';
import { startDemo } from './demo.ts';
import { inTerminal } from './pseudo-terminal.ts';

describe('machine console', () => {
  it('types what the user types, leaves at Ctrl-], and ends when the machine goes off', async (t) => {
    const { environment, run } = await startDemo(t);
    await run('machine', 'start', '1');
    const leaving = inTerminal(t, { env: environment }, 'machine', 'console', '1');
    await leaving.shows(/Type Ctrl-\] to leave it/);
    await leaving.shows(/Machine #1 login: /);
    // Ctrl-C and Ctrl-D are keys of the guest.
    leaving.type('\u0003\u0004silver\r');
    await leaving.shows(/Hello .*silver!/);
    leaving.type('\u001d');
    assert.equal(await leaving.closed, 0);
    assert.match(leaving.shown(), /You have left the console/);

    const staying = inTerminal(t, { env: environment }, 'machine', 'console', 'Machine #1');
    await staying.shows(/login: /);
    await run('machine', 'stop', '1');
    assert.equal(await staying.closed, 1);
    assert.match(staying.shown(), /The machine is off/);
  });

  it('says what to do where there is no terminal, and shows the last failed start', async (t) => {
    const { run } = await startDemo(t);
    const piped = await run('machine', 'console', '1');
    assert.deepEqual([piped.code, /--failed prints/.test(piped.err)], [2, true], piped.err);
    const { code, out } = await run('machine', 'console', '1', '--failed');
    assert.deepEqual(
      [code, out.trim()],
      [...[0, 'No start of this machine has failed, so nothing is kept of its console.']],
    );
  });
});

describe('machine screenshot', () => {
  it('writes a PNG into a new file, and replaces none', async (t) => {
    const { run } = await startDemo(t);
    const file = join(await temporaryFolder(t), 'screen.png');
    const off = await run('machine', 'screenshot', '1', '--output', file);
    assert.equal(off.code, 5, off.err);
    await run('machine', 'start', '1');
    const { code, err } = await run('machine', 'screenshot', '1', '--output', file);
    assert.equal(code, 0, err);
    assert.equal((await readFile(file)).subarray(1, 4).toString(), 'PNG');
    const again = await run('machine', 'screenshot', '1', '--output', file);
    assert.deepEqual([again.code, /is there already/.test(again.err)], [2, true], again.err);
  });
});
