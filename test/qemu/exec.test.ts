// The operator's command inside a machine, as it is typed, on real machines: what it exits with, and what it says when it cannot.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { main } from '../../src/bin/main.ts';
import type { Terminal } from '../../src/cli/output.ts';
import { startQuick } from './quick-server.ts';
import { startServer } from './server.ts';

const typing =
  (dataDir: string) =>
  async (machine: number, ...words: string[]) => {
    const said = { out: '', err: '' };
    const terminal: Terminal = {
      out: (text) => {
        said.out += text;
      },
      err: (text) => {
        said.err += text;
      },
      interactive: false,
      exitCode: 0,
    };
    const argv = ['node', 'silversmith', 'machine', 'exec', '--data-dir', dataDir, String(machine), ...words];
    return { code: await main(argv, terminal, { PATH: process.env.PATH }), ...said };
  };

describe('machine exec', () => {
  it('exits with the status of the command, which may stand behind --, and says what kept it from running', async (t) => {
    const s = await startServer(t, []);
    const [id = 0] = s.machines;
    const exec = typing(s.dataDir);
    const off = await exec(id, '--', 'sh');
    assert.deepEqual([off.code, off.out], [1, '']);
    assert.match(off.err, new RegExp(`^error: Machine ${id} is off; start it: silversmith machine start ${id}`));
    await s.client().machineStart({ id });
    await s.machine(id, 'ready');
    assert.deepEqual(await exec(id, '--', 'sh', '-c', 'echo one; echo two >&2; exit 7'), {
      ...{ code: 7, out: 'one', err: 'two' },
    });
    assert.deepEqual(await exec(id, 'echo', '--', '--json'), { code: 0, out: '-- --json', err: '' });
    assert.equal((await exec(id, '--', 'sh', '-c', 'kill -9 $$')).code, 137);
    assert.match((await exec(id, 'frobnicate')).err, /could not run "frobnicate" .*give a program of the guest/);
  });

  it('says so when the machine has no guest agent', async (t) => {
    const s = await startQuick(t);
    assert.equal((await s.turn(true)).friendly_status, 'ready');
    const { code, err } = await typing(s.dataDir)(s.machine, 'ls');
    assert.deepEqual([code, /its guest agent does not answer; wait until/.test(err)], [1, true], err);
  });
});
