// The fleet as it changes: on the full screen of a terminal, and in lines elsewhere.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { entry } from '../server-process.ts';
import { waitFor } from '../support.ts';
import { startDemo } from './demo.ts';
import { inTerminal } from './pseudo-terminal.ts';

const entered = '\u001b[?1049h';
const left = '\u001b[?25h\u001b[?1049l';

describe('watch', { concurrency: 2 }, () => {
  it('shows changes on the full screen, and gives the terminal back at q, Ctrl-C and SIGTERM', async (t) => {
    const { environment, run } = await startDemo(t);
    const watching = () =>
      inTerminal(t, { env: environment, columns: 60, rows: 12 }, 'watch', '--interval', '1s');
    const [quit, interrupted] = [watching(), watching()];
    for (const terminal of [quit, interrupted]) {
      await terminal.shows(/Machines: 6 off/);
      assert.ok(terminal.shown().includes(entered));
    }
    assert.equal((await run('machine', 'start', '1')).code, 0);
    await quit.shows(/Machines: 1 ready, 5 off/);
    quit.type('q');
    interrupted.type('\u0003');
    assert.deepEqual(await Promise.all([quit.closed, interrupted.closed]), [0, 130]);
    for (const terminal of [quit, interrupted])
      assert.ok(terminal.shown().endsWith(left), JSON.stringify(terminal.shown().slice(-80)));
    // A picture never has more lines than the screen, so that it does not scroll.
    const [, ...frames] = quit.shown().split('\u001b[H');
    for (const frame of frames) assert.ok(frame.split('\r\n').length <= 12, frame);
  });

  it('goes on when the server is away, and says so', async (t) => {
    const { environment, stop } = await startDemo(t);
    const terminal = inTerminal(t, { env: environment }, 'watch', '--interval', '1s');
    await terminal.shows(/Machines: 6 off/);
    await stop();
    await terminal.shows(/No answer: No server answers/);
    terminal.type('q');
    assert.equal(await terminal.closed, 0);
  });

  it('prints a line for each change where there is no terminal, and ends when nobody reads', async (t) => {
    const { environment, run } = await startDemo(t);
    // Only an event can tell of a change within the time of this test.
    const child = spawn(process.execPath, [entry, 'watch', '--interval', '1h'], {
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = new Promise((resolve) => child.once('close', resolve));
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    await waitFor('all machines are listed', () => /machine 6 \(Machine #6\): off/.test(out));
    await run('machine', 'start', '2');
    await waitFor('the change is told', () => /machine 2 \(Machine #2\): ready/.test(out));
    assert.doesNotMatch(out, /machine 3 .*machine 3 /s);
    child.stdout.destroy();
    await run('machine', 'stop', '2');
    await run('machine', 'start', '3');
    assert.equal(await closed, 0);
  });
});
