// Waiting for work: the bar on a terminal, a server that is restarted meanwhile, and Ctrl-C.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { describe, it } from 'node:test';
import { entry } from '../server-process.ts';
import { waitFor } from '../support.ts';
import { startDemo } from './demo.ts';
import { inTerminal } from './pseudo-terminal.ts';

/** A port that nothing listens on, for a server that is stopped and started again. */
async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return String(port);
}

describe('a command that waits', { concurrency: 2 }, () => {
  it('shows a bar on a terminal, and leaves the work to the server at Ctrl-C', async (t) => {
    const { environment, run } = await startDemo(t, { simulatorSpeed: '1' });
    const typed = ['image', 'install', 'htop', 'Git', '--name', 'Long'];
    const terminal = inTerminal(t, { env: environment, columns: 60 }, ...typed);
    await terminal.shows(/\[#*\.*\] image 1: building/);
    terminal.type('\u0003');
    assert.equal(await terminal.closed, 130, terminal.shown());
    assert.match(terminal.shown(), /the work goes on\. To see it: silversmith image show 1 --wait/);
    const bars = terminal.shown().match(/\[[#.]{20}\][^\r\n]*/g) ?? [];
    // The terminal itself shows ^C behind the last one.
    assert.ok(
      bars.every((bar) => bar.replace('^C', '').length < 60),
      bars.join('\n'),
    );
    // Whoever watches again sees the bar again, with what the build prints.
    const again = inTerminal(t, { env: environment, columns: 60 }, 'image', 'show', '1', '--wait');
    await again.shows(/ {2}simulated: htop\r\n.*image 1: building/s);
    assert.match((await run('image', 'show', '1')).out, /building|pending|available/);
  });

  it('goes on when the server is stopped and started again', async (t) => {
    const port = await freePort();
    const { environment, start, stop } = await startDemo(t, { simulatorSpeed: '1', port });
    const child = spawn(process.execPath, [entry, 'image', 'install', 'htop', '--name', 'Kept'], {
      env: environment,
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    const closed = new Promise((resolve) => child.once('close', resolve));
    await waitFor('the build has begun', () => /image 1: building/.test(err));
    await stop();
    await waitFor('it says so', () => /does not answer and is asked again/.test(err));
    await start();
    assert.equal(await closed, 0, err);
    assert.match(out, /1 +Kept +\d+ +available/);
  });

  it('returns at once with --no-wait, and prints plain lines where there is no terminal', async (t) => {
    const { run } = await startDemo(t);
    const begun = await run('machine', 'start', '1-3', '--no-wait');
    assert.equal(begun.code, 0, begun.err);
    const created = await run('machine', 'create', '--type', 'Small', '--software', 'htop');
    assert.deepEqual([created.code, /Template #\d/.test(created.out)], [0, true], created.out);
    assert.doesNotMatch(created.err, /\r|\[#/);
    const failed = await run('machine', 'create', '--type', '1', '--software', 'Fails on purpose');
    assert.deepEqual([failed.code, /failed with exit status 3/.test(failed.err)], [1, true]);
  });
});
