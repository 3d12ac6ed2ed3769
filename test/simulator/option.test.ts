// The messages for options and variables that cannot be used; no work is begun with them.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startDemo } from './demo.ts';
import { refuses } from './refuses.ts';

describe('a message about what was typed', { concurrency: 2 }, () => {
  it('names the option or the variable of a command, and its bounds', async (t) => {
    const { runIn, dataDir } = await startDemo(t);
    const type = 'machine-type add --name X --cpus 1 --memory 64 --disk 1'.split(' ');
    const script = join(dataDir, 'demo.json');
    const title = ['software', 'add', '--name', 'X', '--size', '1', '--script', script];
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
        /SILVERSMITH_ENGINE is "vmware".*qemu, incus or simulator/,
        { SILVERSMITH_ENGINE: 'vmware' },
      ],
    ]);
  });

  it('names the option or the variable of the server, and its bounds', async (t) => {
    const { runIn, dataDir } = await startDemo(t);
    const late = ['--port', '0', '--data-dir', join(dataDir, 'other')];
    await refuses(runIn, [
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

  it('names an address that cannot be used, a port that is taken, and excess words', async (t) => {
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
