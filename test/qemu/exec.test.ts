// The operator's `machine exec` on real machines: its exit status, and its message when it cannot
// run the command.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keyCreate } from '../../src/app/operator/key.ts';
import { main } from '../../src/bin/main.ts';
import type { Terminal } from '../../src/cli/output.ts';
import { call } from '../call.ts';
import { operatorOn } from '../operator.ts';
import { temporaryFolder, waitFor } from '../support.ts';
import { livingBase } from './quick-base.ts';
import { startQuick } from './quick-server.ts';
import { startServer } from './server.ts';

const typing =
  (place: readonly string[], env: Record<string, string> = {}) =>
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
    const argv = ['node', 'silversmith', 'machine', 'exec', ...place, String(machine), ...words];
    return { code: await main(argv, terminal, { PATH: process.env.PATH, ...env }), ...said };
  };

describe('machine exec', () => {
  it('exits with the status of the command, accepts --, and says why a command could not run', async (t) => {
    const base = await livingBase(await temporaryFolder(t));
    const s = await startServer(t, [], { base });
    const [id = 0] = s.machines;
    const exec = typing(['--data-dir', s.dataDir]);
    const off = await exec(id, '--', 'sh');
    assert.deepEqual([off.code, off.out], [5, '']);
    assert.match(
      off.err,
      new RegExp(`^error: Machine ${id} is off; start it: silversmith machine start ${id}`),
    );
    await s.client().machineStart({ id });
    await s.machine(id, 'ready');
    assert.deepEqual(await exec(id, '--', 'sh', '-c', 'echo one; echo two >&2; exit 7'), {
      ...{ code: 7, out: 'one', err: 'two' },
    });
    assert.deepEqual(await exec(id, 'echo', '--', '--json'), {
      code: 0,
      out: '-- --json',
      err: '',
    });
    assert.equal((await exec(id, '--', 'sh', '-c', 'kill -9 $$')).code, 137);
    assert.match(
      (await exec(id, 'frobnicate')).err,
      /could not run "frobnicate" .*give a program of the guest/,
    );

    const far = await keyCreate(operatorOn(s.store), s.masterKey, {
      ...{ organisation: null, name: 'far', permissions: ['operator:read', 'operator:exec'] },
    });
    const environment = { SILVERSMITH_KEY: far.key, SILVERSMITH_SECRET: far.secret };
    const afar = typing([], { ...environment, SILVERSMITH_URL: s.url() });
    const said = await afar(id, '--', 'sh', '-c', 'echo far; echo away >&2; exit 7');
    assert.deepEqual([said.code, said.out, /away/.test(said.err)], [7, 'far', true]);

    // This guest floods the agent's channel at more than 100 MB a second and never ends a line.
    const flood =
      'agent=$PPID port=/dev/$(ls /sys/class/virtio-ports | head -n 1); (sleep 1; kill -9 $agent; exec dd if=/dev/zero of=$port bs=32k) </dev/null >/dev/null 2>&1 &';
    assert.equal((await exec(id, 'sh', '-c', flood)).code, 0);
    const asked = await waitFor(
      'it floods',
      async () => {
        const said = await exec(id, 'true');
        return said.code !== 0 && said;
      },
      60_000,
    );
    assert.match(asked.err, /its guest agent does not answer/);
    const peakMb = () => process.resourceUsage().maxRSS / 1024;
    const before = peakMb();
    // The server stops a machine in the same way, with a longer grace period.
    await s.engine.stopMachine({ machineId: id as never, graceMs: 500 }, call);
    t.diagnostic(
      `the most resident memory grew from ${before.toFixed(0)} to ${peakMb().toFixed(0)} MB`,
    );
    assert.ok(peakMb() - before < 100);
    await s.machine(id, 'off');
  });

  it('says so when the machine has no guest agent', async (t) => {
    const s = await startQuick(t);
    assert.equal((await s.turn(true)).friendly_status, 'ready');
    const { code, err } = await typing(['--data-dir', s.dataDir])(s.machine, 'ls');
    assert.deepEqual(
      [code > 0, /its guest agent does not answer; wait until/.test(err)],
      [true, true],
      err,
    );
  });
});
