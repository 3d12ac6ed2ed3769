// Every command of the operator over the operator's API: which commands have that way, and that
// what they print and do is what they print and do on the host.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { hostOnly, noServer } from '../../src/bin/places.ts';
import { allCommands } from '../../src/bin/print/tree.ts';
import { startFar } from '../simulator/far.ts';

const leaves = async () => (await allCommands()).filter(({ words, path }) => path && !words.length);
const has = ({ options }: { options: readonly { names: readonly string[] }[] }, name: string) =>
  options.some(({ names }) => names.includes(name));

describe('the table of commands', () => {
  it('has a remote way for every command but those of two short lists', async () => {
    const without = (await leaves()).filter((one) => !has(one, '--url')).map(({ path }) => path);
    assert.deepEqual(without.sort(), [...Object.keys(hostOnly), ...Object.keys(noServer)].sort());
  });
});

describe('a list of the operator', () => {
  it('is the same as JSON over the API and on the host, for every list that there is', async (t) => {
    const { run, far } = await startFar(t);
    const lists = (await leaves()).filter(
      (one) => has(one, '--columns') && (has(one, '--database-url') || has(one, '--local')),
    );
    const ofOrganisations = ['webhook deliveries', 'webhook list'];
    assert.deepEqual(lists.map(({ path }) => path).sort(), [
      ...['audit list', 'base list', 'cache list', 'key list', 'layer list', 'machine-type list'],
      ...['member list', 'organisation list', 'software list', ...ofOrganisations],
    ]);
    assert.equal((await run('image', 'install', 'Git', '--base', '1')).code, 0);
    for (const { path, options } of lists) {
      if (ofOrganisations.includes(path)) continue;
      const typed = [...path.split(' '), '--json'];
      const local = has({ options }, '--local') ? ['--local'] : [];
      const [here, there] = [await run(...typed, ...local), await far(...typed)];
      // The use of the key is noted beside the request.
      const plain = (text: string) =>
        JSON.parse(text.replaceAll(/"lastUsedAt": [^,\n]+/g, '"lastUsedAt": 0') || 'null');
      assert.deepEqual(plain(there.out), plain(here.out), path);
      assert.equal(there.code === 0, here.code === 0, path);
      if (path === 'member list') assert.match(there.err, /The simulator has one host only/);
      else assert.equal(here.code, 0, here.err);
    }
    const { layers } = JSON.parse((await far('layer', 'list', '--json')).out);
    assert.ok(layers.some((one: { kind: string }) => one.kind === 'software'));
    assert.equal((await far('base', 'list')).out, (await run('base', 'list', '--local')).out);
    const show = ['base', 'show', '1', '--json'];
    const local = await run(...show, '--engine', 'simulator');
    assert.deepEqual(JSON.parse((await far(...show)).out), JSON.parse(local.out));
    assert.match((await far('base', 'show', '9')).err, /no base image 9/);
    const demo = ['--local', '--organisation', 'Demo', '--json'];
    const url = ['--url', 'http://127.0.0.1:9/', '--type', 'image.available'];
    await run('webhook', 'create', ...url);
    const [here, there] = [
      await run('webhook', 'list', ...demo),
      await run('webhook', 'list', '--json'),
    ];
    const fields = (text: string) => {
      const { webhooks } = JSON.parse(text);
      return { webhooks };
    };
    assert.deepEqual(fields(here.out), fields(there.out));
  });
});

describe('the catalogue over the operator’s API', () => {
  it('takes a base from a file, tries it, and says when it does not work', async (t) => {
    const { dataDir, run, far, json } = await startFar(t);
    const file = join(dataDir, 'good.raw');
    await writeFile(file, 'a disk that is sent'.repeat(100_000));
    const added = await json(far('base', 'add', '--name', 'Sent', '--file', file, '--json'));
    assert.deepEqual([added.name, added.trial], ['Sent', { works: true, said: '' }]);
    const here = await json(run('base', 'list', '--local', '--json'));
    assert.equal(here.at(-1).works, true);
    const again = await far('base', 'add', '--name', 'Again', '--file', file, '--no-try');
    assert.match(again.err, /This disk is a base image already/);
    const named = await far('base', 'add', '--name', 'Sent', '--file', file);
    assert.match(named.err, /There is a base image named "Sent" already/);
    const half = await far('base', 'add', '--name', 'Half', '--file', file, '--kernel', file);
    assert.match(half.err, /both --kernel and --initrd/);
    await writeFile(file, 'a disk, sim-never-ready');
    const broken = await far('base', 'add', '--name', 'Broken', '--file', file, '--timeout', '5');
    assert.equal(broken.code, 1);
    assert.match(broken.err, /Base image 3 \(Broken\) does not work/);
    assert.equal((await far('base', 'try', 'Sent')).code, 0);
    await writeFile(file, '');
    const empty = await far('base', 'add', '--name', 'Empty', '--file', file);
    assert.match(empty.err, /is empty or is no file/);
    const none = await far('base', 'add', '--name', 'None', '--file', join(dataDir, 'none'));
    assert.match(none.err, /--file/);
  });

  it('takes a title with its script and its files, and gives it another recipe', async (t) => {
    const { dataDir, run, far, json } = await startFar(t);
    const [script, tool] = [join(dataDir, 'install.sh'), join(dataDir, 'tool.deb')];
    await writeFile(script, 'dpkg -i tool.deb\n');
    await writeFile(tool, 'a package');
    const recipe = ['--size', '0.5', '--script', script, '--file', tool, '--timeout', '10m'];
    const title = ['--name', 'Tool', ...recipe, '--json'];
    const added = await json(far('software', 'add', ...title));
    assert.deepEqual(
      added.recipe.files.map(({ name }: { name: string }) => name),
      ['tool.deb'],
    );
    assert.equal(added.recipe.timeoutMs, 600_000);
    const twice = await far('software', 'add', '--name', 'Tool', ...recipe);
    assert.match(twice.err, /There is a software named "Tool" already/);
    await writeFile(script, 'dpkg -i ./tool.deb\n');
    const changed = await json(far('software', 'update', 'Tool', ...title));
    assert.notEqual(changed.recipeDigest, added.recipeDigest);
    const [last] = (await json(run('software', 'list', '--local', '--json'))).slice(-1);
    assert.deepEqual(last, changed);
    const gone = await far('software', 'update', '99', ...title);
    assert.match(gone.err, /no software 99/i);
  });
});

describe('long work over the operator’s API', () => {
  it('verifies layers and examines the host, and says when it is damaged or unknown', async (t) => {
    const { run, far, json } = await startFar(t);
    const found = await json(far('layer', 'verify', '--json'));
    assert.deepEqual(
      found.map(({ result }: { result: string }) => result),
      ['digest taken'],
    );
    const again = await far('layer', 'verify', found[0].id);
    assert.deepEqual([again.code, /same/.test(again.out)], [0, true]);
    const none = await far('layer', 'verify', 'none');
    assert.match(none.err, /There is no layer none/);
    assert.equal(none.code, (await run('layer', 'verify', 'none')).code);
    assert.deepEqual(await json(far('doctor', '--deep', '--json')), []);
  });

  it('runs no command inside a machine without its own permission, or without guests', async (t) => {
    const { run, runIn, far, url } = await startFar(t);
    const exec = ['machine', 'exec', '1', '--', 'true'];
    const refused = await far(...exec);
    assert.match(refused.err, /operator:exec/);
    const made = await run(
      ...['key', 'create', '--operator', '--permission', 'operator:exec', 'operator:read'],
      '--json',
    );
    const { key, secret } = JSON.parse(made.out);
    const as = { SILVERSMITH_URL: url, SILVERSMITH_KEY: key, SILVERSMITH_SECRET: secret };
    const here = await run(...exec);
    const there = await runIn(as, ...exec);
    assert.match(there.err, /The simulator runs no guests/);
    assert.equal(there.code, here.code);
    assert.match((await runIn(as, 'machine', 'exec', 'nobody', 'true')).err, /no machine named/);
  });
});
