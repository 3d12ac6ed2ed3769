// The messages for a server that does not answer, or is not Silversmith, and for credentials that
// cannot be used.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { defer, type Scope, temporaryFolder } from '../support.ts';
import { startDemo } from './demo.ts';
import { refuses } from './refuses.ts';

const listening = (t: Scope, answer: RequestListener) => bound(t, createServer(answer));

async function bound(t: Scope, server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  defer(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const listing = (url: string) => ['image', 'list', '--url', url];

/** Starts a server that takes connections and never answers. */
async function silent(t: Scope): Promise<string> {
  const server = createTcpServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  defer(t, () => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Starts a server whose certificate is not signed by an authority. */
async function selfSigned(t: Scope): Promise<string> {
  const folder = await temporaryFolder(t);
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const certificate = 'req -x509 -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -days 2'.split(' ');
  execFileSync('openssl', [...certificate, '-keyout', key, '-out', cert], { stdio: 'pipe' });
  const server = createTlsServer({ key: await readFile(key), cert: await readFile(cert) });
  return (await bound(t, server)).replace('http:', 'https:');
}

describe('a server that does not run', { concurrency: 2 }, () => {
  it('is reported with its address and the command to type', async (t) => {
    const { runIn } = await startDemo(t);
    await refuses(runIn, [
      [listing('foo'), /--url is "foo".*http:\/\/127\.0\.0\.1:8080/],
      [listing(''), /--url is "".*http/],
      [listing('ftp://x'), /--url .*http/],
      [listing('http://127.0.0.1:8080/docs'), /--url .*without a path/],
      [listing('http://me:it@127.0.0.1:8080'), /--url .*without/],
      [['image', 'list'], /SILVERSMITH_URL is "foo"/, { SILVERSMITH_URL: 'foo' }],
      [
        listing('http://127.0.0.1:1'),
        /No server answers at http:\/\/127\.0\.0\.1:1.*silversmith serve.*--url/,
      ],
      [
        listing('http://nowhere.invalid'),
        /No server answers at http:\/\/nowhere\.invalid.*no address/,
      ],
    ]);
    const debug = await runIn({ SILVERSMITH_DEBUG: '1' }, ...listing('http://127.0.0.1:1'));
    assert.match(debug.err, /\n\s+at /);
  });

  it('is distinguished from a server that answers late or stops during its answer', async (t) => {
    const { runIn } = await startDemo(t);
    const hangs = await silent(t);
    const cuts = await listening(t, (request) => request.socket.destroy());
    const stalls = await listening(t, (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{');
    });
    await refuses(runIn, [
      [listing(cuts), /No server answers at http:.*closed the connection/],
      [[...listing(hangs), '--timeout', '1s'], /did not answer within 1 s.*--timeout/],
      [listing(hangs), /did not answer within 1 s/, { SILVERSMITH_TIMEOUT: '1s' }],
      [[...listing(stalls), '--timeout', '1s'], /did not answer within 1 s.*--timeout/],
      [[...listing(hangs), '--timeout', 'long'], /--timeout is "long".*30s/],
    ]);
  });

  it('is distinguished from a server that is not Silversmith, is behind a proxy, or has a TLS fault', async (t) => {
    const { runIn } = await startDemo(t);
    const secure = await selfSigned(t);
    const html = await listening(t, (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>welcome</html>');
    });
    const proxy = await listening(t, (_request, response) => {
      response.writeHead(502, { 'content-type': 'text/html' }).end('<html>Bad Gateway</html>');
    });
    const json = await listening(t, (_request, response) => response.end('{"hello": 1}'));
    const moved = await listening(t, (_request, response) => {
      response.writeHead(301, { location: 'https://example.org/x' }).end();
    });
    await refuses(runIn, [
      [
        listing(secure),
        /No server answers at https:.*certificate is not trusted.*NODE_EXTRA_CA_CERTS/,
      ],
      [
        listing(html.replace('http:', 'https:')),
        /No server answers at https:.*does not speak TLS; give an http address/,
      ],
      [listing(html), /is not Silversmith.*text\/html.*--url/],
      [listing(json), /is not Silversmith.*--url/],
      [listing(proxy), /proxy.*502/],
      [listing(moved), /301.*https:\/\/example\.org/],
    ]);
  });
});

describe('credentials', () => {
  it('is distinguished from one whose answer is too long to be read', async (t) => {
    const { run } = await startDemo(t);
    const long = await listening(t, (_, response) => {
      response.writeHead(200, { 'content-length': 3e8 });
      response.write('{');
    });
    const { code, err } = await run(...listing(long));
    assert.deepEqual(
      [code, /answer of http.* is too long \(more than 256 MB\)/.test(err)],
      [1, true],
    );
    assert.doesNotMatch(err, /No server/);
  });

  it('are named when incomplete or missing, and so is a command that takes none', async (t) => {
    const { runIn, dataDir } = await startDemo(t);
    await refuses(runIn, [
      [['image', 'list', '--key', 'abcdefgh'], /A key needs its secret/],
      [['image', 'list', '--key', 'a b', '--secret', 'x'], /--key is "a b".*8 to 64 letters/],
      [['image', 'list', '--key', 'abcdefgh', '--secret', ''], /--secret is empty/],
      [
        ['image', 'list', '--data-dir', '/nowhere'],
        /No credentials.*SILVERSMITH_KEY and SILVERSMITH_SECRET.*\/nowhere\/demo\.json/,
      ],
      [
        ['backup', '--to', '/x', '--url', 'http://127.0.0.1:1'],
        /on the server's own host, and never over the API; leave --url out/,
      ],
      [
        ['key', 'list', '--data-dir', '/nowhere'],
        /works on the data directory, on the server's own host.*\/nowhere/,
      ],
    ]);
    const demo = await readFile(join(dataDir, 'demo.json'), 'utf8');
    for (const [text, message] of [
      ['{', /demo\.json is not JSON/],
      ['[]', /demo\.json lacks url/],
      ['{"url": "http://127.0.0.1:8080", "key": "abc"}', /demo\.json lacks secret/],
      ['{"url": "foo", "key": "abcdefgh", "secret": "x"}', /demo\.json.*url is "foo"/],
    ] as const) {
      await writeFile(join(dataDir, 'demo.json'), text);
      await refuses(runIn, [[['image', 'list'], message]]);
    }
    await writeFile(join(dataDir, 'demo.json'), demo);
  });
});
