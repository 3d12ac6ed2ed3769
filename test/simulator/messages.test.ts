// What a person reads who typed something that cannot be done: each row is a command, and the
// sentence that names what is wrong, where, and what to type. None of them is a stack or the bare
// name of a system's error.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createClient } from '../../src/client/client.ts';
import { entry } from '../server-process.ts';
import { smallDisk } from '../small-disk.ts';
import { defer, leftOutWithoutRoot, type Scope, temporaryFolder } from '../support.ts';
import { startDemo } from './demo.ts';

type Row = [args: readonly string[], message: RegExp, env?: Record<string, string>];
type Run = Awaited<ReturnType<typeof startDemo>>['runIn'];

/**
 * Types each row, and checks that it fails with its sentence and nothing that only a developer can
 * read.
 */
async function refuses(runIn: Run, rows: readonly Row[]): Promise<void> {
  for (const [args, message, env = {}] of rows) {
    const { code, out, err } = await runIn(env, ...args);
    const typed = `${JSON.stringify(env)} ${args.join(' ')}\n${err}`;
    assert.match(err, message, typed);
    assert.equal(code, 1, typed);
    assert.equal(out, '', typed);
    assert.doesNotMatch(
      err,
      /\b(E[A-Z]{4,}|ERR_\w+)\b|\n\s+at |TypeError|RangeError|SyntaxError|undefined|NaN/,
      typed,
    );
    // A request of the API is no cure for who types commands.
    assert.doesNotMatch(err, /\b(GET|POST|PUT|PATCH|DELETE) \//, typed);
  }
}

const listening = (t: Scope, answer: RequestListener) => bound(t, createServer(answer));

async function bound(t: Scope, server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  defer(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('what is typed wrongly', { concurrency: 2 }, () => {
  it('names the option or the variable, and its bounds', async (t) => {
    const { runIn, dataDir } = await startDemo(t);
    const type = [
      'machine-type',
      'add',
      '--name',
      'X',
      '--cpus',
      '1',
      '--memory',
      '64',
      '--disk',
      '1',
    ];
    const title = [
      'software',
      'add',
      '--name',
      'X',
      '--size',
      '1',
      '--script',
      join(dataDir, 'demo.json'),
    ];
    const late = ['--port', '0', '--data-dir', join(dataDir, 'other')];
    await refuses(runIn, [
      [['image', 'list', '--page', '-1'], /--page .*"?-1"?.*whole number from 1/],
      [['image', 'list', '--page', '1.5'], /--page .*whole number/],
      [['image', 'list', '--page', ''], /--page .*whole number/],
      [['image', 'list', '--per-page', '101'], /--per-page .*from 1 to 100/],
      [['image', 'list', '--all', '--page', '2'], /--all.*--page/],
      [['image', 'list', '--search', 'x'.repeat(201)], /--search .*1 to 200 characters/],
      [['image', 'install', '--name', ''], /--name .*1 to 30 characters/],
      [['image', 'install', '--name', 'x'.repeat(31)], /--name .*1 to 30 characters/],
      [['image', 'export', '1', '--output', 'x', '--format', 'vmdk'], /--format .*qcow2, raw/],
      [['machine', 'create', '--type', '1', '--quantity', '0'], /--quantity .*from 1 to 100/],
      [
        ['machine', 'create', '--type', '1', '--quantity', 'NaN'.toLowerCase()],
        /--quantity .*from 1 to 100/,
      ],
      [['machine', 'create', '--type', '1', '--quantity', '1e2'], /--quantity .*from 1 to 100/],
      [['machine', 'access', '1', '--expires', '2d'], /--expires .*1s to 24h/],
      [['machine', 'access', '1', '--expires', '0s'], /--expires .*1s to 24h/],
      [[...type, '--cpus', '0'], /--cpus .*whole number from 1/],
      [[...type, '--cpus', '99999'], /--cpus .*from 1 to/],
      [[...type, '--memory', '-5'], /--memory .*whole number from/],
      [[...type, '--disk', '1.5'], /--disk .*whole number from 1/],
      [[...type, '--name', ''], /--name .*1 to 100 characters/],
      [[...title, '--size', '0'], /--size .*number above 0/],
      [[...title, '--size', 'big'], /--size .*number above 0/],
      [[...title, '--timeout', '0'], /--timeout .*1s to 24h/],
      [['cache', 'prune', '--keep-gb', '-1'], /--keep-gb .*number from 0/],
      [['key', 'create', '--organisation', ''], /--organisation .*1 to 100 characters/],
      [['key', 'create', '--organisation', 'X', '--expires', 'soon'], /--expires .*30d/],
      [
        ['key', 'create', '--organisation', 'X', '--permission', 'all'],
        /no permission all.*images:read/,
      ],
      [['organisation', 'quota', 'Demo', '--images', '1.5'], /--images .*whole number from 0/],
      [['key', 'list', '--data-dir', ''], /--data-dir is "".*folder/],
      [['key', 'list'], /SILVERSMITH_DATA_DIR is "".*folder/, { SILVERSMITH_DATA_DIR: '' }],
      [
        ['key', 'list'],
        /SILVERSMITH_ENGINE is "vmware".*qemu or simulator/,
        { SILVERSMITH_ENGINE: 'vmware' },
      ],
      [['serve', ...late, '--log-level', 'foo'], /--log-level is "foo".*info/],
      [
        ['serve', ...late],
        /SILVERSMITH_LOG_LEVEL is "loud".*info/,
        { SILVERSMITH_LOG_LEVEL: 'loud' },
      ],
      [['serve', ...late.slice(2), '--port', ''], /--port is "".*whole number from 0 to 65535/],
      [['serve', ...late.slice(2), '--port', '80.5'], /--port .*whole number from 0 to 65535/],
      [
        ['serve', ...late.slice(2)],
        /SILVERSMITH_PORT is "x".*from 0 to 65535/,
        { SILVERSMITH_PORT: 'x' },
      ],
      [
        ['serve', ...late],
        /SILVERSMITH_KEEP_HOURS is "long".*0 to 8760/,
        { SILVERSMITH_KEEP_HOURS: 'long' },
      ],
      [
        ['serve', ...late, '--starts-at-once', '1.5'],
        /--starts-at-once .*whole number from 1 to 1000/,
      ],
      [['serve', ...late, '--public-url', 'foo'], /--public-url is "foo".*http/],
      [['serve', ...late, '--metrics', 'x'], /--metrics is "x".*127\.0\.0\.1:9100/],
      [['serve', ...late], /SILVERSMITH_DEMO is "yes".*1 or 0/, { SILVERSMITH_DEMO: 'yes' }],
      [['serve', ...late, '--host', ''], /--host is "".*address/],
    ]);
  });

  it('is told of an address that cannot be listened on, a port that is taken, and words too many', async (t) => {
    const { runIn, dataDir } = await startDemo(t);
    const { url } = JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8'));
    const other = ['serve', '--data-dir', join(dataDir, 'other')];
    await refuses(runIn, [
      [[...other, '--port', '0', '--host', '999.1.1.1'], /999\.1\.1\.1.*no address.*--host/],
      [
        [...other, '--port', '0', '--host', '192.0.2.1'],
        /192\.0\.2\.1.*not an address of this host.*--host/,
      ],
      [[...other, '--port', new URL(url).port], /Port \d+ is taken.*--port/],
      [[...other, '--port', '0', '--metrics', '192.0.2.1:9100'], /192\.0\.2\.1.*--metrics/],
      [['serve', '8081'], /too many arguments: 8081/],
      [
        ['serve', '--demo', '8081'],
        /too many arguments: 8081\..*npm start -- --port 8081/,
        { npm_lifecycle_event: 'start', npm_config_port: 'true' },
      ],
      [
        ['serve', '--demo', '8081'],
        /too many arguments: 8081\..*npm run silversmith -- serve --OPTION 8081/,
        { npm_lifecycle_event: 'silversmith' },
      ],
      [
        ['serve', '--demo'],
        /npm kept --port for itself.*npm start -- --port 8081/,
        { npm_lifecycle_event: 'start', npm_config_port: '8081' },
      ],
    ]);
  });
});

describe('what reads the output', () => {
  it('may go away without a word, and is told of when it cannot be written', async (t) => {
    const { dataDir } = await startDemo(t);
    const environment = {
      PATH: process.env.PATH,
      SILVERSMITH_DATA_DIR: dataDir,
      SILVERSMITH_ENGINE: 'simulator',
    };
    const run = (out: number | 'pipe') =>
      new Promise<{ code: number | null; err: string }>((resolve) => {
        const child = spawn(process.execPath, [entry, 'openapi'], {
          env: environment,
          stdio: ['ignore', out, 'pipe'],
        });
        child.stdout?.destroy();
        let err = '';
        child.stderr?.on('data', (chunk) => {
          err += chunk;
        });
        child.on('close', (code) => resolve({ code, err }));
      });
    assert.deepEqual(await run('pipe'), { code: 0, err: '' });
    const full = openSync('/dev/full', 'w');
    defer(t, () => closeSync(full));
    const refused = await run(full);
    assert.deepEqual(
      [refused.code, /could not be written; look at/.test(refused.err)],
      [1, true],
      refused.err,
    );
  });
});

describe('a server that is not there, or another', () => {
  it('is named with its address, and what to type', async (t) => {
    const { runIn, dataDir } = await startDemo(t);
    const hung = createTcpServer(() => {});
    await new Promise<void>((resolve) => hung.listen(0, '127.0.0.1', resolve));
    defer(t, () => hung.close());
    const hangs = `http://127.0.0.1:${(hung.address() as AddressInfo).port}`;
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
    const cuts = await listening(t, (request) => request.socket.destroy());
    const stalls = await listening(t, (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{');
    });
    const folder = await temporaryFolder(t);
    const [keyFile, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
    execFileSync(
      'openssl',
      [
        ...[
          'req',
          '-x509',
          '-newkey',
          'rsa:2048',
          '-nodes',
          '-subj',
          '/CN=127.0.0.1',
          '-days',
          '2',
        ],
        ...['-keyout', keyFile, '-out', certificate],
      ],
      { stdio: 'pipe' },
    );
    const selfSigned = createTlsServer({
      key: await readFile(keyFile),
      cert: await readFile(certificate),
    });
    const secure = (await bound(t, selfSigned)).replace('http:', 'https:');
    const list = (url: string) => ['image', 'list', '--url', url];
    await refuses(runIn, [
      [list('foo'), /--url is "foo".*http:\/\/127\.0\.0\.1:8080/],
      [list(''), /--url is "".*http/],
      [list('ftp://x'), /--url .*http/],
      [list('http://127.0.0.1:8080/docs'), /--url .*without a path/],
      [list('http://me:it@127.0.0.1:8080'), /--url .*without/],
      [['image', 'list'], /SILVERSMITH_URL is "foo"/, { SILVERSMITH_URL: 'foo' }],
      [
        list('http://127.0.0.1:1'),
        /No server answers at http:\/\/127\.0\.0\.1:1.*silversmith serve.*--url/,
      ],
      [
        list('http://nowhere.invalid'),
        /No server answers at http:\/\/nowhere\.invalid.*no address/,
      ],
      [list(cuts), /No server answers at http:.*closed the connection/],
      [[...list(hangs), '--timeout', '1s'], /did not answer within 1 s.*--timeout/],
      [list(hangs), /did not answer within 1 s/, { SILVERSMITH_TIMEOUT: '1s' }],
      [[...list(stalls), '--timeout', '1s'], /did not answer within 1 s.*--timeout/],
      [[...list(hangs), '--timeout', 'long'], /--timeout is "long".*30s/],
      [
        list(secure),
        /No server answers at https:.*certificate is not trusted.*NODE_EXTRA_CA_CERTS/,
      ],
      [
        list(html.replace('http:', 'https:')),
        /No server answers at https:.*does not speak TLS; give an http address/,
      ],
      [list(html), /is not Silversmith.*text\/html.*--url/],
      [list(json), /is not Silversmith.*--url/],
      [list(proxy), /proxy.*502/],
      [list(moved), /301.*https:\/\/example\.org/],
      [['image', 'list', '--key', 'abcdefgh'], /A key needs its secret/],
      [['image', 'list', '--key', 'a b', '--secret', 'x'], /--key is "a b".*8 to 64 letters/],
      [['image', 'list', '--key', 'abcdefgh', '--secret', ''], /--secret is empty/],
      [
        ['image', 'list', '--data-dir', '/nowhere'],
        /No credentials.*SILVERSMITH_KEY and SILVERSMITH_SECRET.*\/nowhere\/demo\.json/,
      ],
      [
        ['layer', 'list', '--url', hangs],
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
    assert.match(
      (await runIn({ SILVERSMITH_DEBUG: '1' }, ...list('http://127.0.0.1:1'))).err,
      /\n\s+at /,
    );
  });
});

describe('a file that cannot be used', () => {
  it('is named before the work begins', async (t) => {
    const { runIn, run, dataDir } = await startDemo(t);
    const folder = await temporaryFolder(t);
    const [text, json, empty] = [join(folder, 'text'), join(folder, 'json'), join(folder, 'empty')];
    await writeFile(text, 'not JSON');
    await writeFile(json, '{"manifest": 1}');
    await writeFile(empty, '');
    await run('image', 'install', '4', '--name', 'One');
    const recipe = ['software', 'add', '--name', 'X', '--size', '1'];
    const base = ['base', 'add', '--name', 'X'];
    const backup = join(folder, 'backup');
    await mkdir(backup);
    await writeFile(join(backup, 'backup.json'), '{');
    await refuses(runIn, [
      [
        ['image', 'export', '1', '--output', '/nowhere/x.qcow2'],
        /--output: the folder \/nowhere is not there/,
      ],
      [['image', 'export', '1', '--output', join(text, 'x')], /--output: .*text is not a folder/],
      [['image', 'export', '1', '--output', folder], /--output: .*is there already/],
      [
        ['image', 'export', '1', '--output', '/proc/x'],
        /--output: the folder \/proc cannot be written/,
      ],
      [['image', 'export', '1', '--output', ''], /--output is "".*file/],
      [['image', 'import', '/nowhere'], /\/nowhere is not there/],
      [['image', 'import', folder], /is a folder; give a file/],
      [['image', 'import', empty], /empty is empty/],
      [['image', 'import', text, '--manifest', '/nowhere'], /--manifest: \/nowhere is not there/],
      [['image', 'import', text, '--manifest', text], /--manifest: .*text is not JSON/],
      [['image', 'import', text, '--manifest', json], /--manifest: .*json lacks manifest/],
      [[...recipe, '--script', '/nowhere'], /--script: \/nowhere is not there/],
      [[...recipe, '--script', folder], /--script: .*is a folder/],
      [[...recipe, '--script', text, '--file', '/nowhere'], /--file: \/nowhere is not there/],
      [[...base, '--file', '/nowhere'], /--file: \/nowhere is not there/],
      [
        [...base, '--file', text, '--kernel', '/nowhere', '--initrd', text],
        /--kernel: \/nowhere is not there/,
      ],
      [[...base, '--file', text, '--kernel', text], /both --kernel and --initrd/],
      [['backup', '--to', text], /--to: .*text is not a folder/],
      [['backup', '--to', join(text, 'x')], /--to: .*text is not a folder/],
      [['backup', '--to', '/proc/x'], /\/proc\/x is not there; check the path|\/proc\/x may not/],
      [
        ['serve', '--data-dir', '/proc/x/y'],
        /The data directory \/proc\/x\/y cannot be used: \/proc\/x/,
      ],
      [['backup', '--to', backup], /--to: .*is not empty/],
      [
        ['restore', '--from', text, '--data-dir', join(folder, 'new')],
        /--from: .*text is not a folder/,
      ],
      [['restore', '--from', folder, '--data-dir', join(folder, 'new')], /is no backup/],
      [
        ['restore', '--from', backup, '--data-dir', join(folder, 'new')],
        /backup\.json is not JSON/,
      ],
      [['key', 'list', '--data-dir', text], /lies below a file, which is not a folder/],
      [
        ['serve', '--port', '0', '--data-dir', text],
        /data directory .*text cannot be used.*is there already.*--data-dir/,
      ],
    ]);
    const { transfers } = await createClient(
      JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8')),
    )
      .usageGet({})
      .then(async () => ({ transfers: await readdir(join(dataDir, 'transfers')) }));
    assert.deepEqual(transfers, [], 'the server was asked for no file');
  });

  it('is a key, a list of keys or the disk itself, when the server starts', async (t) => {
    const { runIn, dataDir, stop, start } = await startDemo(t);
    await stop();
    const file = (name: string) => join(dataDir, name);
    const keys = await readFile(file('master.key'), 'utf8');
    const signing = await readFile(file('signing.key'), 'utf8');
    const list: Row[0] = ['key', 'list'];
    await refuses(runIn, [
      [
        list,
        /SILVERSMITH_MASTER_KEY: key 1 has 2 characters.*64 hexadecimal digits/,
        { SILVERSMITH_MASTER_KEY: 'zz' },
      ],
      [list, /SILVERSMITH_MASTER_KEY: .*no key/, { SILVERSMITH_MASTER_KEY: '' }],
      [
        list,
        /SILVERSMITH_MASTER_KEY: key 2 .*64 hexadecimal digits/,
        { SILVERSMITH_MASTER_KEY: `${keys.trim()},${'g'.repeat(64)}` },
      ],
    ]);
    await rm(file('master.key'));
    await refuses(runIn, [[list, /master\.key is gone.*cannot be opened.*Bring it back/]]);
    await writeFile(file('master.key'), keys, { mode: 0o600 });
    await chmod(file('master.key'), 0o644);
    await refuses(runIn, [[list, /Others may read .*master\.key; type: chmod 600/]]);
    await chmod(file('master.key'), 0o600);
    await writeFile(file('master.key'), 'short\n');
    await refuses(runIn, [[list, /master\.key: key 1 has 5 characters/]]);
    await writeFile(file('master.key'), keys);
    await writeFile(file('trusted.keys'), '\nMCowBQYDK2VwAyEA\n');
    await refuses(runIn, [[list, /trusted\.keys: line 2 is not a public key.*openssl pkey/]]);
    await writeFile(file('trusted.keys'), '');
    await writeFile(file('signing.key'), 'nothing');
    await refuses(runIn, [[list, /signing\.key is not a private key.*backup/]]);
    await writeFile(file('signing.key'), signing);
    const demo = await readFile(file('demo.json'), 'utf8');
    await writeFile(file('demo.json'), '{');
    await refuses(runIn, [
      [['serve', '--port', '0', '--demo'], /--demo: .*demo\.json is not JSON/],
    ]);
    await writeFile(file('demo.json'), demo);
    await start();
  });

  it('is a disk without room, when the server starts', { skip: leftOutWithoutRoot }, async (t) => {
    const { runIn } = await startDemo(t);
    const small = await smallDisk(t, 0.0625);
    await refuses(runIn, [
      [['serve', '--port', '0', '--data-dir', join(small, 'data')], /disk .*full.*free some/i],
    ]);
  });
});

describe('what is taken, or has a name', () => {
  it('refuses a second machine type, title or base of a name, and says which has it', async (t) => {
    const { runIn, run, dataDir } = await startDemo(t);
    const script = join(dataDir, 'demo.json');
    const title = (name: string) => ['--name', name, '--size', '1', '--script', script];
    await refuses(runIn, [
      [
        ['machine-type', 'add', '--name', 'Small', '--cpus', '1', '--memory', '64', '--disk', '1'],
        /machine type named "Small" already \(id 1\)/,
      ],
      [
        ['software', 'add', ...title('htop')],
        /named "htop" already \(id 4\).*silversmith software update 4/,
      ],
      [['software', 'update', '1', ...title('htop')], /named "htop" already \(id 4\)/],
      [
        ['base', 'add', '--name', 'Simulated base', '--file', script],
        /named "Simulated base" already \(id 1\)/,
      ],
    ]);
    assert.equal((await run('software', 'update', 'htop', ...title('htop'))).code, 0);
  });

  it('takes exact names where it takes ids, and says when none or several have one', async (t) => {
    const { runIn, run } = await startDemo(t);
    assert.equal(
      (await run('image', 'install', 'htop', 'Git', '--base', 'Simulated base', '--name', 'Mine'))
        .code,
      0,
    );
    assert.match((await run('image', 'show', 'Mine')).out, /Mine .*Git, htop/);
    assert.match(
      (await run('image', 'assign', 'Mine', 'Machine #1', '2')).out,
      /assigned to 2 machine/,
    );
    assert.match((await run('machine', 'start', 'Machine #1')).out, /ready/);
    assert.equal((await run('machine', 'create', '--type', 'Large', '--software', 'htop')).code, 0);
    for (const name of ['Twin', 'Twin', 'Twin 2']) await run('image', 'install', '--name', name);
    assert.equal((await run('image', 'show', 'Twin 2')).code, 0);
    await run('image', 'delete', 'Twin 2');
    await refuses(runIn, [
      [['image', 'show', 'Twin'], /2 images are named "Twin": ids \d+, \d+; give the id of one/],
      [['image', 'show', 'twin 2'], /no image named "twin 2".*silversmith image list/],
      [['image', 'show', '77'], /no image 77.*silversmith image list/],
      [['machine', 'start', '77'], /no machine 77.*silversmith machine list/],
      [['machine', 'restore', '1'], /no kept disk.*silversmith machine disks 1/],
      [['machine', 'create', '--type', '77'], /no machine type 77.*silversmith machine-type list/],
      [['image', 'install', '77'], /no software 77.*silversmith software list/],
      [['image', 'install', '--base', '77'], /no base image 77.*silversmith base list/],
      [['image', 'show', '0'], /"0" is not an id.*whole number from 1/],
      [['image', 'show', '99999999999999999999'], /is not an id.*whole number from 1/],
      [['image', 'show', ''], /give the id or the name of the image/i],
      [['image', 'install', 'Emacs'], /no software named "Emacs".*silversmith software list/],
      [['image', 'install', '--base', 'None'], /no base image named "None".*silversmith base list/],
      [['machine', 'start', 'seven'], /no machine named "seven".*silversmith machine list/],
      [
        ['machine', 'create', '--type', 'Huge'],
        /no machine type named "Huge".*silversmith machine-type list/,
      ],
      [['image', 'assign', 'Mine', '1,,2'], /no machine named "1,,2"/],
      [['image', 'restore', 'Mine'], /no deleted image named "Mine".*image list --deleted/],
      [['image', 'undo', 'Mine', '99'], /\(99\); nothing was changed/],
      [['machine', 'exec', '99', 'ls'], /no machine 99.*silversmith machine list/],
      [['machine', 'exec', 'nobody', 'ls'], /no machine named "nobody"/],
      [['machine', 'exec', '1', '--'], /give a command/],
      [['machine', 'exec', '1', '--', 'sh'], /simulator runs no guests/],
    ]);
    assert.equal((await run('image', 'restore', 'Twin 2')).code, 0);
  });
});

describe('lists', () => {
  it('say when there is more, and walk all pages when asked', async (t) => {
    const { run } = await startDemo(t);
    assert.equal((await run('machine', 'create', '--type', '1', '--quantity', '16')).code, 0);
    const first = await run('machine', 'list');
    assert.equal(first.out.trimEnd().split('\n').length, 21);
    assert.match(first.err, /^20 of 22; next page: --page 2; all: --all\n$/);
    assert.equal((await run('machine', 'list', '--page', '2')).err, '');
    assert.match(
      (await run('machine', 'list', '--page', '2', '--per-page', '5')).err,
      /^6–10 of 22; next page: --page 3/,
    );
    assert.match((await run('machine', 'list', '--page', '9')).err, /no page 9.*22.*--page 2/);
    const json = await run('machine', 'list', '--json');
    assert.deepEqual([json.err, JSON.parse(json.out).machines.length], ['', 20]);
    const all = await run('machine', 'list', '--all', '--per-page', '7');
    assert.deepEqual([all.err, all.out.trimEnd().split('\n').length], ['', 23]);
    const whole = JSON.parse((await run('machine', 'list', '--all', '--json')).out);
    assert.deepEqual([whole.machines.length, whole.count, whole.next_page], [22, 22, null]);
    await run('image', 'install', '--name', 'A');
    await run('image', 'install', '--name', 'B');
    assert.match(
      (await run('image', 'list', '--per-page', '1')).err,
      /1 of 2; next page: --page 2/,
    );
    for (const name of ['A', 'B']) await run('image', 'delete', name);
    assert.match(
      (await run('image', 'list', '--deleted', '--per-page', '1')).err,
      /1 of 2; next page: --page 2/,
    );
    assert.match((await run('image', 'list')).err, /^$/);
  });

  it('tell a remote user what can be installed and how large machines are, and the operator more with --local', async (t) => {
    const { runIn, run, dataDir } = await startDemo(t);
    const { url, key, secret } = JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8'));
    const elsewhere = {
      SILVERSMITH_DATA_DIR: '/nowhere',
      SILVERSMITH_URL: url,
      SILVERSMITH_KEY: key,
      SILVERSMITH_SECRET: secret,
    };
    assert.match((await runIn(elsewhere, 'software', 'list')).out, /^ID +NAME +GB\n.*htop/s);
    assert.match((await runIn(elsewhere, 'base', 'list')).out, /^ID +NAME +GB\n1 +Simulated base/);
    assert.match(
      (await runIn(elsewhere, 'machine-type', 'list')).out,
      /^ID +NAME +TYPE.*\n1 +Small +small +1 +768 +10\n/,
    );
    assert.equal(
      JSON.parse((await runIn(elsewhere, 'machine-type', 'list', '--json')).out).plans[0].attributes
        .name,
      'Small',
    );
    assert.match((await run('software', 'list', '--local')).out, /NETWORK\n/);
    assert.match((await run('base', 'list', '--local')).out, /BOOT +WORKS +DEFAULT\n/);
    assert.match((await run('machine-type', 'list', '--local', '--json')).out, /"memoryMb": 768/);
    await refuses(runIn, [
      [
        ['machine-type', 'list'],
        /No credentials.*on the server's own host.*--local/,
        { SILVERSMITH_DATA_DIR: '/nowhere' },
      ],
      [
        ['machine-type', 'list', '--local', '--data-dir', '/nowhere'],
        /on the server's own host.*\/nowhere/,
      ],
    ]);
  });
});
