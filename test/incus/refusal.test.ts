// Reasons for which a server does not start on an Incus cluster, as the command line says them.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { entry } from '../server-process.ts';
import { temporaryFolder } from '../support.ts';
import { clientCertificate, leftOutWithoutIncus, startIncus, trustClient } from './cluster.ts';
import { socketOf } from './server.ts';

const limitMs = 120_000;

function serve(flags: readonly string[]) {
  return new Promise<{ code: number | null; said: string }>((resolve) => {
    const all = ['serve', '--port', '0', '--engine', 'incus', ...flags];
    const options = { timeout: limitMs };
    const child = execFile(process.execPath, [entry, ...all], options, (_error, out, err) =>
      resolve({ code: child.exitCode, said: `${out}${err}`.replaceAll(/\s+/g, ' ') }),
    );
  });
}

describe('a server that cannot use its Incus cluster', { skip: leftOutWithoutIncus }, () => {
  it('does not start, names the reason and says what to do', async (t) => {
    const { first, folder } = await startIncus(t);
    const client = clientCertificate(folder, 'client');
    const file = join(folder, 'server.crt');
    await writeFile(file, first.serverCertificate);
    const identity = [
      ...['--incus-client-certificate', client.certificateFile],
      ...['--incus-client-key', client.keyFile],
    ];
    const tls = ['--incus-url', first.url, ...identity];
    const refused = async (flags: readonly string[], why: RegExp) => {
      const { code, said } = await serve(['--data-dir', await temporaryFolder(t), ...flags]);
      assert.notEqual(code, 0, said);
      assert.match(said, why);
    };
    await refused(
      [...tls, '--incus-server-certificate', file],
      /does not trust the certificate of this server.*incus config trust add-certificate/,
    );
    await trustClient(first, client);
    const other = clientCertificate(folder, 'other').certificateFile;
    await refused(
      [...tls, '--incus-server-certificate', other],
      /The certificate of the Incus server.*is not the one that is trusted.*--incus-server-certificate/,
    );
    await refused(tls, /is not the one that is trusted.*--incus-server-certificate/);
    const socket = ['--incus-url', socketOf(first)];
    const json = { name: 'theirs', config: { 'user.owner': 'others' } };
    await first.api.call('POST', '/1.0/projects', { json });
    await refused(
      [...socket, '--incus-project', 'theirs'],
      /The project theirs of Incus is not of this installation, so it is left alone/,
    );
    const { config } = await first.api.call('GET', '/1.0/projects/theirs');
    assert.equal(config['user.silversmith.installation'], undefined);
    await refused([...socket, '--incus-pool', 'none'], /no storage pool none \(it has: default\)/);
    await first.kill();
    await refused(socket, /does not answer|There is no Incus/);
  });
});
