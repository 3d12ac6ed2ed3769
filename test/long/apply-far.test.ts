// Fleet files with a key of operators: all of a file is done over the API.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { startFar } from '../simulator/far.ts';
import { type Scope, temporaryFolder } from '../support.ts';

const catalogue = `version: 1
software:
  - name: Tool
    size_gb: 0.1
    script: install.sh
    files: [tool.deb]
bases:
  - name: Other base
    file: other.raw
machine_types:
  - {name: Tiny, cpus: 1, memory_mb: 64, disk_gb: 10, network: 'bridge:lab'}
keys:
  - {name: robot, organisation: Demo, permissions: [images:read]}
`;
const fleet = `${catalogue}images:
  - {name: Office, base: Other base, software: [Tool]}
machines:
  - {type: Tiny, count: 2, image: Office}
`;

async function start(t: Scope) {
  const h = await startFar(t);
  const folder = await temporaryFolder(t);
  const file = join(folder, 'fleet.yaml');
  await writeFile(join(folder, 'install.sh'), 'dpkg -i tool.deb\n');
  await writeFile(join(folder, 'tool.deb'), 'a package');
  await writeFile(join(folder, 'other.raw'), 'another disk');
  const apply = async (text: string | null, ...args: string[]) => {
    if (text !== null) await writeFile(file, text);
    return h.far('apply', '--file', file, ...args);
  };
  /** The names of the keys in use. */
  const keysInUse = async () =>
    (await h.json(h.run('key', 'list', '--json')))
      .filter(({ revokedAt }: { revokedAt: number | null }) => revokedAt === null)
      .map(({ name }: { name: string }) => name)
      .sort();
  return { ...h, file, apply, keysInUse };
}

describe('apply with a key of operators', { concurrency: 2 }, () => {
  it('makes titles, bases, types, keys, images and machines, and leaves no key of its own', async (t) => {
    const { apply, far, json, run, keysInUse } = await start(t);
    const ours = ['--organisation', 'Demo'];
    const dry = await apply(fleet, ...ours, '--dry-run');
    assert.deepEqual(dry.out.trimEnd().split('\n').slice(0, 4), [
      ...['+ software Tool', '+ base Other base', '+ machine type Tiny', '+ key robot of Demo'],
    ]);
    const made = await apply(null, ...ours);
    assert.equal(made.code, 0, made.err + made.out);
    assert.match(made.out, /\+ key robot of Demo: ss\w+, secret/);
    const again = await apply(null, ...ours);
    assert.deepEqual([again.code, again.out], [0, 'Nothing differs.\n']);
    const { machine_types: declared } = await json(far('export-fleet', ...ours, '--json'));
    const networks = declared.map((one: { name: string; network?: string }) => one.network ?? null);
    assert.deepEqual(new Set(networks), new Set([null, 'bridge:lab']));
    const { machines } = await json(run('machine', 'list', '--all', '--json'));
    const types = machines.map((one: { attributes: { machine_type: string } }) => one.attributes);
    assert.equal(
      types.filter((one: { machine_type: string }) => one.machine_type === 'tiny').length,
      2,
    );
    assert.deepEqual(await keysInUse(), ['demo', 'far', 'robot']);
  });

  it('needs no organisation for the catalogue alone, and an existing one for the rest', async (t) => {
    const { apply, far, file, json, run, keysInUse } = await start(t);
    const unnamed = await apply(fleet);
    assert.match(unnamed.err, /--organisation NAME/);
    const unknown = await apply(fleet, '--organisation', 'Demi');
    assert.match(unknown.err, /There is no organisation named "Demi".*Demo/);
    assert.equal((await json(run('software', 'list', '--local', '--json'))).length, 8);
    const local = await apply(catalogue, '--local');
    assert.match(local.err, /leave --local out/);
    const tenant = await run('apply', '--file', file, '--organisation', 'Demo');
    assert.match(tenant.err, /leave --organisation and --api-url out/);
    assert.equal((await apply(null, '--json')).code, 0);
    assert.deepEqual((await apply(null)).out, 'Nothing differs.\n');
    const elsewhere = await apply(
      fleet,
      '--organisation',
      'Demo',
      '--api-url',
      'http://127.0.0.1:1',
    );
    assert.match(elsewhere.err, /No server answers at http:\/\/127\.0\.0\.1:1/);
    assert.deepEqual(await keysInUse(), ['demo', 'far', 'robot'], 'also after a failure');
    assert.equal((await far('export-fleet')).code, 2);
  });

  it('writes a file with the keys of the organisation, which it then finds to be as declared', async (t) => {
    const { far, file, apply, keysInUse } = await start(t);
    const written = await far('export-fleet', '--organisation', 'Demo', '--file', file);
    assert.equal(written.code, 0, written.err);
    const { out } = await far('export-fleet', '--organisation', 'Demo', '--json');
    const [key] = JSON.parse(out).keys;
    assert.deepEqual([key.name, key.organisation], ['demo', 'Demo']);
    assert.ok(parse((await far('export-fleet', '--organisation', 'Demo')).out).version === 1);
    const same = await apply(null, '--organisation', 'Demo');
    assert.deepEqual([same.code, same.out], [0, 'Nothing differs.\n']);
    assert.deepEqual(await keysInUse(), ['demo', 'far']);
  });
});
