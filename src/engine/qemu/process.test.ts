// The processes of guests among all processes of a host.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { findProcess, findProcesses, processesIn, processName } from './process.ts';

const installation = '0123456789ab';

async function openOwn(t: TestContext) {
  const root = await mkdtemp(join(await realpath(tmpdir()), 'silversmith-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const own = processesIn(root, installation);
  /** Starts a process that looks like a guest, and ends with the test. */
  const guest = async (id: number): Promise<ChildProcess> => {
    const cwd = own.paths.run('machine', String(id));
    await mkdir(cwd, { recursive: true });
    const name = `guest=${processName(installation, 'machine', id)}`;
    const child = spawn('/bin/sh', ['-c', 'read line', '-name', name], {
      ...{ argv0: 'qemu-system-x86_64', cwd, stdio: ['pipe', 'ignore', 'ignore'] },
    });
    t.after(() => child.kill('SIGKILL'));
    await once(child, 'spawn');
    return child;
  };
  return { own, guest };
}

describe('the processes of guests', () => {
  it('are found by those who ask after their beginning, also during an earlier look', async (t) => {
    const { own, guest } = await openOwn(t);
    const earlier = findProcesses(own);
    const { pid } = await guest(1);
    assert.equal((await findProcess(own, 'machine', 1))?.pid, pid);
    await earlier;
  });

  it('are looked for once for all who ask at the same time', async (t) => {
    const { own, guest } = await openOwn(t);
    const children = await Promise.all([1, 2, 3].map(guest));
    const asked = [1, 2, 3, 4, 5, 6, 7, 8].map((id) => findProcess(own, 'machine', id));
    const pids = (await Promise.all(asked)).map((found) => found?.pid);
    assert.deepEqual(
      pids.slice(0, 3),
      children.map(({ pid }) => pid),
    );
    assert.deepEqual(pids.slice(3), [undefined, undefined, undefined, undefined, undefined]);
    assert.equal(own.looks.count, 1);
    for (let times = 0; times < 20; times++) assert.ok(await findProcess(own, 'machine', 2));
    assert.equal(own.looks.count, 1);
  });

  it('are not found any more when they have ended, and are found again as another process', async (t) => {
    const { own, guest } = await openOwn(t);
    const first = await guest(1);
    assert.equal((await findProcess(own, 'machine', 1))?.pid, first.pid);
    const ended = once(first, 'exit');
    first.kill('SIGKILL');
    await ended;
    assert.equal(await findProcess(own, 'machine', 1), undefined);
    const second = await guest(1);
    assert.equal((await findProcess(own, 'machine', 1))?.pid, second.pid);
  });
});
