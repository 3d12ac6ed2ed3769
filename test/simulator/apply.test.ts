// Fleet files: the difference, its convergence, two runs at once, and writing one from an
// organisation.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { fleetSchemaText, schemaFile } from '../../tools/print-commands.ts';
import { type Scope, temporaryFolder } from '../support.ts';
import { startDemo } from './demo.ts';

const fleetOf = (software: string) => `version: 1
images:
  - name: Office
    base: Simulated base
    software: [htop]
  - name: Studio
    from: Office
    software: [${software}]
    protected: true
machines:
  - name: "Machine #1"
    image: Office
  - type: Small
    count: 7
    image: Studio
`;

async function start(t: Scope) {
  const demo = await startDemo(t);
  const folder = await temporaryFolder(t);
  const file = join(folder, 'fleet.yaml');
  const apply = async (text: string | null, ...args: string[]) => {
    if (text !== null) await writeFile(file, text);
    return demo.run('apply', '--file', file, ...args);
  };
  const list = async (noun: 'image' | 'machine') => {
    const { out } = await demo.run(noun, 'list', '--all', '--json');
    type Item = { attributes: Record<string, unknown> };
    return JSON.parse(out)[`${noun}s`].map((one: Item) => one.attributes);
  };
  const imagesOf = async () =>
    (await list('machine')).map((one: Record<string, unknown>) => one.assigned_image_name).sort();
  return { ...demo, folder, file, apply, list, imagesOf };
}

describe('apply', { concurrency: 2 }, () => {
  it('shows the difference, makes it so, and finds none afterwards', async (t) => {
    const { apply, list, imagesOf, run } = await start(t);
    const dry = await apply(fleetOf('Git'), '--dry-run');
    assert.deepEqual(dry.out.trimEnd().split('\n'), [
      '+ image Office: Simulated base with htop',
      '+ image Studio: Simulated base with Git, htop',
      '~ machines 1 (Machine #1): image Office at their next start',
      '~ machines 2 (Machine #2), 3 (Machine #3), 4 (Machine #4), 5 (Machine #5), 6 (Machine #6): image Studio at their next start',
      '+ 2 machines of type Small, on image Studio',
      '~ image Studio: protected',
    ]);
    assert.deepEqual([(await list('image')).length, (await list('machine')).length], [0, 6]);
    const made = await apply(null);
    assert.equal(made.code, 0, made.err + made.out);
    assert.match(made.out, /6 changes made, 0 failed/);
    assert.deepEqual(await imagesOf(), ['Office', ...Array(7).fill('Studio')]);
    const again = await apply(null);
    assert.deepEqual([again.code, again.out], [0, 'Nothing differs.\n']);
    const wrong = await run('image', 'delete', 'Studio', '--yes');
    assert.equal(wrong.code, 5, 'it is protected');
  });

  it('makes an image anew whose software differs, asks before that, and can be undone', async (t) => {
    const { apply, list, imagesOf, run } = await start(t);
    await apply(fleetOf('Git'));
    const refused = await apply(fleetOf(''));
    assert.deepEqual(
      [refused.code, /1 image that others replace\..*--yes/s.test(refused.err)],
      [2, true],
    );
    const [before] = (await list('image')).filter((one: { name: string }) => one.name === 'Studio');
    const done = await apply(null, '--yes', '--json');
    assert.equal(done.code, 0, done.err);
    assert.deepEqual(JSON.parse(done.out).failures, []);
    const studios = (await list('image')).filter((one: { name: string }) => one.name === 'Studio');
    assert.deepEqual(
      studios.map((one: { protected: boolean }) => one.protected),
      [true],
    );
    assert.notEqual(studios[0].id, before.id);
    assert.deepEqual(await imagesOf(), ['Office', ...Array(7).fill('Studio')]);
    assert.equal((await run('image', 'restore', String(before.id))).code, 0);
    const twice = await apply(null);
    assert.deepEqual(
      [twice.code, /2 images are named "Studio" \(\d+, \d+\)/.test(twice.err)],
      [5, true],
    );
  });

  it('run twice at once makes everything once', async (t) => {
    const { apply, list, imagesOf, run, file } = await start(t);
    await writeFile(file, fleetOf('Git'));
    const both = await Promise.all([apply(null), run('apply', '--file', file)]);
    for (const one of both) assert.equal(one.code, 0, one.err);
    const names = (await list('image')).map((one: { name: string }) => one.name);
    assert.deepEqual(names.sort(), ['Office', 'Studio']);
    assert.deepEqual(await imagesOf(), ['Office', ...Array(7).fill('Studio')]);
  });

  it('run at once with other numbers and other software makes nothing twice', async (t) => {
    const { apply, list, run, folder } = await start(t);
    const counts = [3, 150, 230, 230];
    const files = counts.map((_, at) => join(folder, `${at}.yaml`));
    for (const [at, count] of counts.entries())
      await writeFile(
        files[at] ?? '',
        `version: 1\nmachines:\n  - {type: Small, count: ${count}}\n`,
      );
    const all = await Promise.all(files.map((file) => run('apply', '--file', file)));
    for (const one of all) assert.equal(one.code, 0, one.err);
    assert.equal((await list('machine')).length, 230);
    // Those that are deleted are made again, although the same was asked for before.
    const newest = await list('machine');
    const ids = newest.slice(0, 24).map((one: { id: number }) => String(one.id));
    assert.equal((await run('machine', 'delete', ...ids, '--yes')).code, 0);
    assert.equal((await run('apply', '--file', files[3] ?? '')).code, 0);
    assert.equal((await list('machine')).length, 230);
    const image = (title: string) => `version: 1\nimages:\n  - {name: One, software: [${title}]}\n`;
    const [first = '', second = ''] = files;
    await writeFile(first, image('htop'));
    await writeFile(second, image('Git'));
    const both = await Promise.all([first, second].map((file) => run('apply', '--file', file)));
    const images = await list('image');
    assert.equal(images.length, 1, both.map(({ err }) => err).join(''));
    assert.equal((await apply(image('Git, htop'), '--yes')).code, 0);
  });

  it('makes again what was deleted, and says what failed while the rest goes on', async (t) => {
    const { apply, list, run } = await start(t);
    const text = 'version: 1\nimages:\n  - {name: A, software: [htop]}\n';
    for (let times = 0; times < 2; times++) {
      assert.equal((await apply(text)).code, 0);
      assert.equal((await run('image', 'delete', 'A', '--yes')).code, 0);
    }
    const some = await apply(
      'version: 1\nimages:\n  - {name: A}\n  - {name: B, software: [Fails on purpose]}\nmachines:\n  - {name: "Machine #1", image: B}\n  - {name: "Machine #2", image: A}\n',
    );
    assert.equal(some.code, 1);
    assert.match(some.err, /error: image B: .*failed with exit status 3/);
    assert.match(some.err, /error: machines 1 .*Image B is not there/);
    assert.match(some.out, /2 changes made, 2 failed/);
    const names = (await list('machine')).map(
      (one: Record<string, unknown>) => one.assigned_image_name,
    );
    assert.deepEqual(names.sort(), ['A', null, null, null, null, null]);
  });

  it('refuses a file with faults, with their places, and changes nothing', async (t) => {
    const { apply, list } = await start(t);
    for (const [text, says, code] of [
      [
        'version: 1\nimages:\n  - {name: A, software: [htpo]}\n',
        /fleet\.yaml:3:\d+: there is no software "htpo"\. Did you mean "htop"\?/,
        3,
      ],
      ['version: 1\nimages:\n  - {name: A, base: X}\n', /:3:15: there is no base image "X"/, 3],
      [
        'version: 1\nmachines:\n  - {type: small}\n',
        /:3:6: there is no machine type "small"\. Did you mean "Small"/,
        3,
      ],
      [
        'version: 1\nmachines:\n  - {name: "Machine #9"}\n',
        /:3:6: there is no machine named "Machine #9"/,
        3,
      ],
      ['version: 1\nimages:\n  - {name: A, x: 1}\n', /:3:15: x is not known/, 2],
      [
        'version: 1\nsoftware:\n  - {name: T, size_gb: 1, script: t.sh}\n',
        /Only the operator can add software "T".*--local/,
        4,
      ],
    ] as const) {
      const refused = await apply(text);
      const { err, out } = refused;
      assert.deepEqual([refused.code, says.test(err), out], [code, true, ''], err);
    }
    assert.deepEqual(await list('image'), []);
  });

  it('adds with --local what only the operator can, and shows the secret of a key once', async (t) => {
    const { apply, folder, run } = await start(t);
    await writeFile(join(folder, 'tool.sh'), 'echo tool\n');
    const text = `version: 1
software:
  - {name: Tool, size_gb: 0.5, script: tool.sh}
machine_types:
  - {name: Tiny, cpus: 1, memory_mb: 256, disk_gb: 5, network: tap}
images:
  - {name: With tool, software: [Tool]}
machines:
  - {type: Tiny, count: 2, image: With tool}
keys:
  - {name: reader, organisation: Demo, permissions: ["images:read"]}
`;
    const dry = await apply(text, '--local', '--dry-run');
    assert.match(
      dry.out,
      /^\+ software Tool\n\+ machine type Tiny\n\+ key reader of Demo\n\+ image/,
    );
    const made = await apply(null, '--local');
    assert.equal(made.code, 0, made.err + made.out);
    assert.match(made.out, /key reader of Demo: ss\w+, secret \S+ \(not shown again\)/);
    assert.equal((await apply(null, '--local')).out, 'Nothing differs.\n');
    await writeFile(join(folder, 'tool.sh'), 'echo another\n');
    assert.match(
      (await apply(null, '--local', '--dry-run')).out,
      /^~ software Tool \(\d+\): another recipe/,
    );
    assert.match((await run('key', 'list', '-o', 'name')).out, /reader/);
    const types = await run('machine-type', 'list', '--local', '--json');
    assert.match(types.out, /"name": ?"Tiny"[^}]*"network": ?"tap"/);
    const wrong = await apply(text.replace('tap', 'taps'), '--local');
    assert.match(wrong.err, /:5:\d+: network must match pattern/);
  });
});

describe('a fleet file', () => {
  it('has a published schema', async () => {
    assert.equal(await readFile(schemaFile, 'utf8'), fleetSchemaText(), 'type: npm run commands');
  });

  it('is written from an organisation, and applying it changes nothing', async (t) => {
    const { apply, run, folder, dataDir } = await start(t);
    await apply(fleetOf('Git'));
    await run('machine', 'start', '1');
    await run('machine', 'stop', '1');
    await run('image', 'capture', '1', '--name', 'Captured');
    const file = join(folder, 'exported.yaml');
    assert.equal((await run('export-fleet', '--file', file)).code, 0);
    const text = await readFile(file, 'utf8');
    assert.match(text, /# Not declared: image \d+ "Captured", a capture of a machine/);
    const fleet = parse(text);
    assert.deepEqual(
      // Images that are made at once have no order.
      fleet.images
        .map((one: { name: string; software: string[] }) => [one.name, one.software])
        .sort(),
      [
        ['Office', ['htop']],
        ['Studio', ['Git', 'htop']],
      ],
    );
    assert.equal((await run('apply', '--file', file)).out, 'Nothing differs.\n');
    const { url, key } = JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8'));
    const vagon = await run('import-vagon', '--url', url);
    assert.equal(vagon.code, 0, vagon.err);
    assert.match(vagon.out, /# The machines have these types.*"small"/);
    assert.deepEqual(Object.keys(parse(vagon.out)), ['version', 'images', 'machines']);
    assert.ok(!vagon.out.includes(key));
    assert.equal((await run('import-vagon')).code, 2);
  });
});
