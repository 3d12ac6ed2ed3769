// The program that gives the secret of a profile belongs to the terminal of the command: it can ask
// there, and ends when the command is ended.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { entry } from '../server-process.ts';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';
import { startDemo } from './demo.ts';
import { inTerminal } from './pseudo-terminal.ts';

/** A user with a profile whose secret a shell script prints. */
async function userOf(
  t: Scope,
  script: string,
  { url = 'http://127.0.0.1:1', key = 'key-of-a-test' },
) {
  const home = await temporaryFolder(t);
  const program = join(home, 'program');
  await writeFile(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const profiles = { default: { url, key, secret_command: [program] } };
  await mkdir(join(home, 'silversmith'), { mode: 0o700 });
  const file = join(home, 'silversmith', 'profiles.json');
  await writeFile(file, JSON.stringify({ current: 'default', profiles }), { mode: 0o600 });
  return { home, env: { PATH: process.env.PATH, HOME: home, XDG_CONFIG_HOME: home } };
}

/** Resolves to the id of the program that wrote it, once it runs. */
const runningIn = (home: string) =>
  waitFor('the program runs', async () => {
    const text = await readFile(join(home, 'pid'), 'utf8').catch(() => '');
    // The id 0 would stand for the processes of this test.
    return /^[1-9]\d*\n$/.test(text) && Number(text);
  });

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const slow = 'echo $$ >"$HOME/pid"; exec sleep 600';

describe('the program for a secret', { concurrency: 2 }, () => {
  it('can ask at the terminal', async (t) => {
    const { dataDir } = await startDemo(t);
    const demo = JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8'));
    const script = 'printf "PIN: " >/dev/tty; read -r pin </dev/tty; echo "$pin"';
    const { env } = await userOf(t, script, demo);
    const terminal = inTerminal(t, { env }, 'machine', 'list');
    await terminal.shows(/PIN: /);
    terminal.type(`${demo.secret}\r`);
    assert.equal(await terminal.closed, 0, terminal.shown());
  });

  it('ends with the command at Ctrl-C', async (t) => {
    const { home, env } = await userOf(t, slow, {});
    const terminal = inTerminal(t, { env }, 'machine', 'list');
    const pid = await runningIn(home);
    defer(t, () => void (isAlive(pid) && process.kill(pid, 'SIGKILL')));
    terminal.type('\u0003');
    assert.equal(await terminal.closed, 130, terminal.shown());
    assert.match(terminal.shown(), /Interrupted while .* was asked for the secret/);
    await waitFor('the program has ended', () => !isAlive(pid));
  });

  it('ends at Ctrl-C before the command hears of it, or alone', async (t) => {
    const { home, env } = await userOf(t, slow, {});
    const terminal = inTerminal(t, { env }, 'machine', 'list');
    const pid = await runningIn(home);
    process.kill(pid, 'SIGINT');
    terminal.type('\u0003');
    assert.equal(await terminal.closed, 130, terminal.shown());
    assert.match(terminal.shown(), /Interrupted while .* was asked for the secret/);
    const other = await userOf(t, slow, {});
    const alone = inTerminal(t, { env: other.env }, 'machine', 'list');
    process.kill(await runningIn(other.home), 'SIGINT');
    assert.equal(await alone.closed, 2, alone.shown());
    assert.match(alone.shown(), /was ended by SIGINT/);
  });

  it('ends with the command at SIGTERM and SIGINT to the command alone', async (t) => {
    for (const [signal, status] of [
      ['SIGTERM', 143],
      ['SIGINT', 130],
    ] as const) {
      const { home, env } = await userOf(t, slow, {});
      const child = spawn(process.execPath, [entry, 'machine', 'list'], { env, stdio: 'ignore' });
      const closed = new Promise((resolve) => child.once('close', resolve));
      const pid = await runningIn(home);
      defer(t, () => void (isAlive(pid) && process.kill(pid, 'SIGKILL')));
      child.kill(signal);
      assert.equal(await closed, status);
      await waitFor('the program has ended', () => !isAlive(pid));
    }
  });
});
