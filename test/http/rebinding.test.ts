// Webhooks and names whose addresses change between look-ups, with the resolver of the system and a
// real name server. Names are resolved as /etc/resolv.conf says, and servers of names have one
// port, so the deliveries run in a network of their own.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryFolder } from '../support.ts';

const run = new URL('rebinding-run.ts', import.meta.url).pathname;

const addresses = ['93.184.216.34', '169.254.169.254', '10.0.0.1'];
const addressesSix = ['2606:2800:220:1::1', '64:ff9b::a9fe:a9fe'];
const script = `set -e
for one in ${addresses.join(' ')}; do ip addr add $one/32 dev lo; done
for one in ${addressesSix.join(' ')}; do ip -6 addr add $one/128 dev lo; done
exec "$@"`;

/** The file that a name of the system leads to, which a mount has to cover. */
const placeOf = (file: string) => realpath(file).catch(() => file);

describe('a webhook whose name changes its address', () => {
  it('is asked at the address that was judged, and at no address inside', async (t) => {
    const folder = await temporaryFolder(t);
    const files = {
      '/etc/resolv.conf': 'nameserver 127.0.0.1\noptions timeout:30 attempts:1\n',
      '/etc/nsswitch.conf': 'hosts: files dns\n',
      '/etc/hosts': '127.0.0.1 localhost\n',
    };
    const mounts: string[] = [];
    for (const [file, content] of Object.entries(files)) {
      const own = join(folder, file.replaceAll('/', '-'));
      await writeFile(own, content);
      mounts.push('--ro-bind', own, await placeOf(file));
    }
    const cage = [
      ...['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--bind', folder, folder],
      ...['--unshare-user', '--uid', '0', '--gid', '0', '--cap-add', 'ALL', '--unshare-net'],
      ...['--unshare-pid', '--die-with-parent', ...mounts],
      ...['--', 'sh', '-c', script, 'sh', process.execPath, '--test-reporter=tap', run],
    ];
    const { error, said } = await new Promise<{ error: Error | null; said: string }>((resolve) => {
      const env = { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, TMPDIR: folder };
      execFile('bwrap', cage, { env, timeout: 500_000 }, (failure, out, err) =>
        resolve({ error: failure, said: out + err }),
      );
    });
    assert.equal(error, null, `bwrap (apt-get install bubblewrap iproute2) said:\n${said}`);
    assert.match(said, /^# pass 5$/m, said);
  });
});
