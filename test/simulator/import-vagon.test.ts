// import-vagon reads a server that knows the specification and nothing of ours.

import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { parseFleet } from '../../src/cli/fleet/read.ts';
import { temporaryFolder } from '../support.ts';
import { runIn } from './demo.ts';
import { hostedApi, hostedImage, hostedMachine } from './hosted-api.ts';

type Hosted = Awaited<ReturnType<typeof hostedApi>>;

const importing = ({ url, key, secret }: Hosted, folder: string, ...args: string[]) =>
  runIn(folder, null, {
    ...{ SILVERSMITH_URL: url, SILVERSMITH_KEY: key, SILVERSMITH_SECRET: secret },
  })('import-vagon', ...args);

describe('import-vagon', { concurrency: 2 }, () => {
  it('reads all pages, and writes a fleet file that can be applied', async (t) => {
    const titles = ['Unreal', 'Blender'];
    const images = Array.from({ length: 45 }, (_, at) =>
      hostedImage(300 + at, `Template #${300 + at}`, at % 2 === 0 ? titles : null),
    );
    const machines = Array.from({ length: 130 }, (_, at) =>
      hostedMachine(at + 1, at < 100 ? 'spark' : 'flame', at < 60 ? 'Template #300' : null),
    );
    // The server gives fewer than are asked for.
    const hosted = await hostedApi(t, { images, machines }, undefined, 15);
    const folder = await temporaryFolder(t);
    const file = join(folder, 'fleet.yaml');
    const { code, out, err } = await importing(hosted, folder, '--file', file);
    assert.equal(code, 0, err);
    assert.match(out, /has 45 images and 130 machines/);
    const text = await readFile(file, 'utf8');
    const { fleet } = parseFleet('fleet.yaml', text);
    assert.equal(fleet.images?.length, 23);
    assert.deepEqual(fleet.images?.[0], { name: 'Template #300', software: ['Blender', 'Unreal'] });
    assert.deepEqual(fleet.machines, [
      { type: 'spark', count: 60, image: 'Template #300' },
      { type: 'spark', count: 40 },
      { type: 'flame', count: 30 },
    ]);
    assert.match(text, /# The images need these titles, .*: "Blender", "Unreal"/);
    assert.match(text, /# Not declared: image 301 "Template #301", a capture of a machine/);
    assert.ok(!text.includes(hosted.secret) && !text.includes(hosted.key));
    assert.ok(hosted.requests.every((one) => one.startsWith('GET ')));
  });

  it('reads a server that has the Images API and nothing else, and one that has nothing', async (t) => {
    const folder = await temporaryFolder(t);
    const image = hostedImage(1, 'Studio', ['Blender']);
    const only = await hostedApi(t, { images: [image], machines: null });
    const { code, out, err } = await importing(only, folder);
    assert.equal(code, 0, err);
    assert.deepEqual(parse(out).images, [{ name: 'Studio', software: ['Blender'] }]);
    assert.match(out, /# The server tells no machines/);
    const empty = await importing(await hostedApi(t, { images: [], machines: [] }), folder);
    assert.deepEqual([empty.code, parse(empty.out)], [0, { version: 1 }], empty.err);
  });

  it('says what the server refuses, and writes no file then', async (t) => {
    const folder = await temporaryFolder(t);
    const images = Array.from({ length: 150 }, (_, at) => hostedImage(at + 1, `I${at}`, []));
    const organisation = { images, machines: [] };
    const file = join(folder, 'fleet.yaml');
    const cases = [
      [{ status: 403, code: 4710, message: 'Permission required' }, 4, /Permission required.*4710/],
      [{ status: 400, code: 400, message: 'Bad request' }, 4, /Bad request/],
      [{ status: 500, code: 500, message: 'Something failed' }, 1, /Something failed/],
    ] as const;
    for (const [refusal, status, says] of cases) {
      // The second page is refused.
      const fault = (_: string, count: number) => (count === 1 ? refusal : null);
      const hosted = await hostedApi(t, organisation, fault);
      const { code, err } = await importing(hosted, folder, '--file', file);
      assert.deepEqual([code, says.test(err)], [status, true], err);
      await assert.rejects(stat(file));
    }
    const hosted = await hostedApi(t, organisation);
    const wrong = await importing({ ...hosted, secret: 'another' }, folder);
    assert.deepEqual([wrong.code, /Unauthorized/.test(wrong.err)], [4, true], wrong.err);
  });

  it('asks again when the server is busy', async (t) => {
    const busy = { status: 429, code: 429, message: 'Too many requests' };
    const fault = (_: string, count: number) => (count === 0 ? busy : null);
    const images = [hostedImage(1, 'Studio', [])];
    const hosted = await hostedApi(t, { images, machines: [] }, fault);
    const { code, out, err } = await importing(hosted, await temporaryFolder(t));
    assert.equal(code, 0, err);
    assert.equal(parse(out).images.length, 1);
  });
});
