// Names in place of ids: a name belongs to one thing; an unknown or ambiguous name is refused.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startDemo } from './demo.ts';
import { refuses } from './refuses.ts';

describe('a name', () => {
  it('is refused for a second machine type, title or base, with a message that names the first', async (t) => {
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

  it('can replace an id; an unknown or ambiguous name is refused', async (t) => {
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
    await run('image', 'delete', 'Twin 2', '--yes');
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
      [['image', 'undo', 'Mine', '99'], /no machine 99/],
      [['machine', 'exec', '99', 'ls'], /no machine 99.*silversmith machine list/],
      [['machine', 'exec', 'nobody', 'ls'], /no machine named "nobody"/],
      [['machine', 'exec', '1', '--'], /give a command/],
      [['machine', 'exec', '1', '--', 'sh'], /simulator runs no guests/],
    ]);
    assert.equal((await run('image', 'restore', 'Twin 2')).code, 0);
  });
});
