// HAProxy with the very file of the example, packaging/haproxy.cfg: only its addresses and its
// paths are changed. It ends with the test.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';

const run = promisify(execFile);
const example = new URL('../../packaging/haproxy.cfg', import.meta.url);
/** Debian has it where the PATH of a user need not lead. */
const program = '/usr/sbin/haproxy';
const names = ['one', 'two', 'three'] as const;
export type ServerName = (typeof names)[number];

/** Replaces each text, which must be in the file exactly once. */
function changed(text: string, changes: Record<string, string>): string {
  return Object.entries(changes).reduce((before, [old, now]) => {
    const parts = before.split(old);
    if (parts.length !== 2) throw new Error(`${old} is ${parts.length - 1} times in the example`);
    return parts.join(now);
  }, text);
}

/** Makes a certificate for 127.0.0.1, which this process trusts from now on. */
async function certificateIn(folder: string): Promise<string> {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const name = ['-subj', '/CN=silversmith', '-addext', 'subjectAltName=IP:127.0.0.1'];
  await run('openssl', ['req', '-x509', ...curve, ...name, '-keyout', key, '-out', certificate]);
  const text = await readFile(certificate, 'utf8');
  tls.setDefaultCACertificates([...tls.getCACertificates(), text]);
  const both = join(folder, 'silversmith.pem');
  await writeFile(both, text + (await readFile(key, 'utf8')), { mode: 0o600 });
  return both;
}

/** Starts the proxy at a port of loopback, in front of three servers. */
export async function startHaproxy(t: Scope, port: number, servers: readonly string[]) {
  const folder = await temporaryFolder(t);
  const socket = join(folder, 'admin.sock');
  const text = changed(await readFile(example, 'utf8'), {
    'log /dev/log local0': 'log stderr format raw daemon',
    '    user haproxy\n    group haproxy\n    chroot /var/lib/haproxy\n': '',
    '/run/haproxy/admin.sock': socket,
    'bind :443': `bind 127.0.0.1:${port}`,
    '/etc/haproxy/silversmith.pem': await certificateIn(folder),
    '10.0.0.1:8080': servers[0] ?? '',
    '10.0.0.2:8080': servers[1] ?? '',
    '10.0.0.3:8080': servers[2] ?? '',
  });
  const file = join(folder, 'haproxy.cfg');
  await writeFile(file, text);
  await run(program, ['-c', '-f', file]).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT'
      ? new Error('HAProxy is missing; install it with: apt-get install haproxy')
      : error;
  });
  const child = spawn('setpriv', ['--pdeathsig=KILL', program, '-db', '-f', file], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const ended = once(child, 'exit');
  defer(t, async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const control = controlOf(socket);
  await waitFor('HAProxy answers', () => control.ask('show info').catch(() => null));
  return { url: `https://127.0.0.1:${port}`, ...control };
}

/** The commands that the guide types. */
function controlOf(socket: string) {
  const ask = async (command: string): Promise<string> => {
    const connection = connect(socket);
    await once(connection, 'connect');
    connection.end(`${command}\n`);
    let answer = '';
    for await (const chunk of connection) answer += chunk;
    return answer;
  };
  const fieldsOf = async (name: ServerName) => {
    const [head = '', ...lines] = (await ask('show stat silversmith 4 -1')).split('\n');
    const columns = head.replace('# ', '').split(',');
    const row = lines.map((line) => line.split(',')).find((fields) => fields[1] === name) ?? [];
    return (column: string) => row[columns.indexOf(column)] ?? '';
  };
  return {
    ask,
    /** Waits until the proxy sends requests to the server. */
    async isUp(name: ServerName): Promise<void> {
      await waitFor(
        `${name} is up`,
        async () => (await fieldsOf(name))('status') === 'UP',
        60_000,
        50,
      );
    },
    /** Sends the server no new request, and waits until it has answered those it has. */
    async drain(name: ServerName): Promise<void> {
      await ask(`set server silversmith/${name} state drain`);
      await waitFor(
        `${name} is idle`,
        async () => (await fieldsOf(name))('scur') === '0',
        60_000,
        20,
      );
    },
    async ready(name: ServerName): Promise<void> {
      await ask(`set server silversmith/${name} state ready`);
    },
  };
}
