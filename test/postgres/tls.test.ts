// Connections to PostgreSQL by TLS: the store trusts the authority that it is given, and the name
// of the server, and nothing else.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { defer, type Scope, temporaryFolder } from '../support.ts';
import { type PostgresServer, serverOptions, startPostgres } from './server.ts';
import { sharedPostgres } from './shared.ts';

const plain = await sharedPostgres();
let server: PostgresServer;
let certificate: string;
let other: string;

/** Makes a key and a certificate that it signs itself. */
async function certified(folder: string, name: string, host: string): Promise<string> {
  const [key, path] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
  const request = 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj'.split(' ');
  const names = ['-addext', `subjectAltName=${host}`];
  const out = ['-keyout', key, '-out', path];
  execFileSync('openssl', [...request, `/CN=${name}`, ...names, ...out], { stdio: 'pipe' });
  await chmod(key, 0o600);
  if (process.getuid?.() === 0) execFileSync('chown', ['postgres:postgres', key]);
  return path;
}

async function start(t: Scope): Promise<void> {
  const folder = await temporaryFolder(t);
  await chmod(folder, 0o711);
  certificate = await certified(folder, 'server', 'DNS:localhost');
  other = await certified(folder, 'other', 'DNS:localhost');
  const files = [`ssl_cert_file=${certificate}`, `ssl_key_file=${join(folder, 'server.key')}`];
  server = await startPostgres(t, [...serverOptions, 'ssl=on', ...files]);
}

const by = (database: string, host: string, parameters: Record<string, string>) => {
  const url = new URL(database);
  url.hostname = host;
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
};
const refuses = (url: string, message: RegExp) =>
  assert.rejects(openPostgres({ url }), { code: 'unavailable', message });

describe('a connection by TLS', () => {
  const suite: Scope = { after };
  defer(suite, () => {});
  before(() => start(suite));

  it('is made with the server whose authority is given', async () => {
    assert.match(await readFile(certificate, 'utf8'), /BEGIN CERTIFICATE/);
    const database = await server.database();
    const url = by(database, 'localhost', { sslmode: 'verify-full', sslrootcert: certificate });
    const store = await openPostgres({ url });
    const encrypted = await server.query(
      `select ssl from pg_stat_ssl join pg_stat_activity using (pid)
        where application_name = 'silversmith' and datname = '${new URL(database).pathname.slice(1)}'`,
    );
    assert.ok(encrypted.length > 0 && encrypted.every(({ ssl }) => ssl === true));
    await store.close();
  });

  it('is refused with another authority, without one, and under another name', async () => {
    const database = await server.database();
    const full = { sslmode: 'verify-full' };
    const untrusted = /not trusted: .*sslrootcert=FILE/;
    await refuses(by(database, 'localhost', full), untrusted);
    await refuses(by(database, 'localhost', { ...full, sslrootcert: other }), untrusted);
    await refuses(
      by(database, '127.0.0.1', { ...full, sslrootcert: certificate }),
      /not trusted: .*127\.0\.0\.1/,
    );
    await refuses(
      by(database, 'localhost', { ...full, sslrootcert: '/none/root.pem' }),
      /\/none\/root\.pem .*cannot be read \(ENOENT\)/,
    );
  });

  it('is not replaced by a plain one where the server has no TLS', async () => {
    await refuses(
      by(plain.url(), 'localhost', { sslmode: 'verify-full', sslrootcert: certificate }),
      /does not speak TLS. Turn ssl on/,
    );
  });
});
