// A machine of a base with an SSH server and a guest agent: it is reached by ssh over a forwarded
// port, and its address is the one that its agent tells.

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { MachineId } from '../../src/domain/ids.ts';
import { call } from '../call.ts';
import { cloudBase } from '../qemu/cloud-base.ts';
import { startQuick } from '../qemu/quick-server.ts';
import { leftOutWithoutRoot, waitFor } from '../support.ts';

const run = promisify(execFile);
const entry = new URL('../../src/bin/silversmith.js', import.meta.url).pathname;
const limitMs = 300_000;
const readyMs = 900_000;

describe('a machine with an SSH server', { skip: leftOutWithoutRoot }, () => {
  it('is reached by ssh over a forwarded port, and shows the address that its agent tells', async (t) => {
    const { folder, client, machine, engine, reconciler, url, key } = await startQuick(t, {
      base: (into) => cloudBase(into, {}),
      flags: { machineNetwork: 'user' },
      settings: { readyMs },
    });
    await client.machineStart({ id: machine });
    const isReady = async () =>
      (await client.machineGet({ id: machine })).attributes.friendly_status === 'ready';
    await waitFor('it is ready', isReady, readyMs, 500);
    const file = join(folder, 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
    const publicKey = readFileSync(`${file}.pub`, 'utf8').trim();
    const permit = `mkdir -p -m 700 /root/.ssh && echo '${publicKey}' >/root/.ssh/authorized_keys
cat /etc/ssh/ssh_host_ed25519_key.pub`;
    const shown = await engine.exec?.run(
      { machineId: machine as MachineId, command: ['/bin/sh', '-c', permit] },
      call,
    );
    assert.equal(shown?.exitCode, 0);

    const port = 20_000 + (process.pid % 10_000);
    await client.machineForwardAdd({ id: machine, port, guest_port: 22 });
    const known = [
      '-o',
      'StrictHostKeyChecking=accept-new',
      '-o',
      `UserKnownHostsFile=${folder}/k`,
    ];
    const ssh = (command: string) =>
      run('ssh', [
        ...['-F', '/dev/null', '-i', file, '-p', String(port), ...known, '-o', 'BatchMode=yes'],
        ...['root@127.0.0.1', command],
      ]).then(
        ({ stdout }) => stdout.trim(),
        () => null,
      );
    assert.equal(
      await waitFor('ssh answers', () => ssh('cat /proc/sys/kernel/hostname'), limitMs, 1000),
      `machine-${machine}`,
    );
    const [, hostKey = 'none'] = shown?.stdout.split(' ') ?? [];
    assert.ok(readFileSync(join(folder, 'k'), 'utf8').includes(hostKey), 'no other host answers');

    const told = await waitFor(
      'its agent tells its address',
      async () => {
        await reconciler.task('network');
        const { attributes } = await client.machineGet({ id: machine });
        return attributes.addresses.length > 0 && attributes.addresses;
      },
      limitMs,
      1000,
    );
    assert.ok(told.includes('10.0.2.15'), told.join());
    const access = ['--url', url, '--key', key.key, '--secret', key.secret];
    const { stdout } = await run(process.execPath, [
      entry,
      ...['machine', 'show', String(machine), ...access],
    ]);
    assert.match(stdout, /10\.0\.2\.15/);
  });
});
